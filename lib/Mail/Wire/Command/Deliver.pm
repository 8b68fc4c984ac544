package Mail::Wire::Command::Deliver;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Message ();
use Mail::Wire::Command::Report ();

# mailwire deliver: one message from a mail server's pipe, as dovecot-lda and Cyrus' deliver take it.
#
# The caller bounces what comes back with another exit code than 75. So whatever is not a server's refusal of this message is 75, but for bad
# usage. Postfix' pipe(8) takes an enhanced status code at the beginning of the output for more than the exit code: the first line has one.

sub run {
    my ($class, @arguments) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, $_[0] };
    my $code = eval { $class->_deliver(@arguments) };
    $code = _failed($@) if not defined $code;
    warn_of($_) foreach @warnings;
    return $code;
}

sub _failed {
    my ($code, $why) = failure($_[0]);
    return $code if not defined $why;
    print STDERR $code == USAGE ? '4.3.5' : '4.3.0', " mailwire deliver: $why\n";
    return $code == USAGE ? USAGE : TRY_AGAIN;
}

sub _deliver {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, Mail::Wire::Command::Connection::OPTIONS,
        qw(d=s@ f|from=s a=s m=s p=s e k q delimiter=s keep-return-path));
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    my @users = (@{ $option->{d} || [] }, @arguments);
    fail(USAGE, 'no recipient: give -d USER') if not @users or grep { not length } @users;
    fail(USAGE, '-a is the address of one user, and there are several') if defined $option->{a} and @users > 1;
    my $message = Mail::Wire::Command::Message->open_path(defined $option->{p} ? $option->{p} : '-');
    my $from = _sender($option, $message);
    $message->leave_out('Return-Path') if not $option->{'keep-return-path'};
    my $client = Mail::Wire::Command::Connection::dial($url, $option);
    my @to = map { [ _address($_, $option), { _of_recipient($option, $client) } ] } @users;
    my @results = $client->deliver(From => $from, To => \@to, $message->content);
    $client->quit;
    return _told($option, @results);
}

# Who has sent it: by -f, else the "From " line, else the first Return-Path. MAILER-DAEMON is Postfix' name for nobody.
sub _sender {
    my ($option, $message) = @_;
    my ($path) = map { $_->[1] } $message->fields('Return-Path');
    my ($from) = grep {defined} $option->{f}, $message->from_line, $path, '';
    return $from =~ /\A\s*<?(?:MAILER-DAEMON)?>?\s*\z/ ? '' : $from;
}

# The mailbox goes as the detail of the address (RFC 5233).
sub _address {
    my ($user, $option) = @_;
    return $user if not defined $option->{m} or not length $option->{m};
    my $delimiter = defined $option->{delimiter} ? $option->{delimiter} : '+';
    my ($local, $domain) = $user =~ /\A(.*?)(\@[^\@]*)?\z/s;
    $local =~ s/\A"(.*)"\z/$1/s and $local =~ s/\\(.)/$1/gs;
    $local .= $delimiter . $option->{m};
    if ($local !~ /\A[\w!#\$%&'*+\/=?^`{|}~-]+(?:\.[\w!#\$%&'*+\/=?^`{|}~-]+)*\z/) {
        $local =~ s/(["\\])/\\$1/g;
        $local = qq("$local");
    }
    return $local . (defined $domain ? $domain : '');
}

# What the server has no word for is left out: the message is more than that.
sub _of_recipient {
    my ($option, $client) = @_;
    my %of = ();
    return %of if not $client->can('supports');
    $of{IgnoreQuota} = 1 if $option->{q} and defined $client->supports('IGNOREQUOTA');
    return %of if not defined $option->{a} or not length $option->{a};
    if    (defined $client->supports('DSN'))        { $of{OriginalRecipient} = $option->{a} }
    elsif (($client->banner || '') =~ /\bDovecot\b/) { $of{Params} = { ORCPT => 'rfc822;' . _xtext($option->{a}) } }
    return %of;
}

# RFC 3461 4.
sub _xtext {
    my ($text) = @_;
    $text =~ s/([^!-*,-<>-~])/sprintf '+%02X', ord $1/ge;
    return $text;
}

# One exit code for all: when it may be tried again for one of them, it must be.
sub _told {
    my ($option, @results) = @_;
    my @bad = sort { $a->is_failure <=> $b->is_failure } grep { !$_->is_success } @results;
    return OK if not @bad;
    print STDERR map { _line($_) } @bad;
    return TRY_AGAIN if not $bad[0]->is_failure;
    return $option->{e} ? NO_PERMISSION : Mail::Wire::Command::Report::worst(map { Mail::Wire::Command::Report::code_of($_) } @bad);
}

sub _line {
    my ($result) = @_;
    my $class = $result->is_failure ? 5 : 4;
    my $enhanced = $result->enhanced;
    $enhanced = "$class.0.0" if not defined $enhanced or $enhanced !~ /\A$class\./;
    return "$enhanced mailwire deliver: " . $result->as_string . "\n";
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Deliver - mailwire deliver: a message from a mail server's pipe

=head1 SYNOPSIS

    mailwire deliver -d USER [-f SENDER] [-a ADDRESS] URL

    Delivers the message on standard input, as dovecot-lda and Cyrus' deliver
    do. Exit code 0: accepted; 75: try again; another one: refused for good.

      -d USER                  the recipient, as the server knows it
      -f, --from SENDER        envelope sender; default: From line, Return-Path
      -a ADDRESS               the address it was sent to (ORCPT)
      -m MAILBOX               delivers to USER+MAILBOX
      --delimiter CHARACTER    in place of that +
      -p FILE                  the message, in place of standard input
      -q                       also into a mailbox that is full (Cyrus)
      -e                       refused is always exit code 77
      --keep-return-path       the header's Return-Path is sent as well
      --trace                  shows the session

    TLS, AUTH, times: mailwire help link.   More: man mailwire-deliver.

=head1 DESCRIPTION

For pipes of Postfix, Exim, fetchmail, getmail and their kin: where these call F<dovecot-lda> or F<deliver>, this command hands the
message to a server, on this machine or another, by LMTP or QMTP. In Postfix' F<master.cf>, with C<mailwire_destination_recipient_limit = 1>
in F<main.cf>:

    mailwire  unix  -  n  n  -  -  pipe
      flags=Rq user=nobody argv=/usr/bin/mailwire deliver -f ${sender} -a ${original_recipient} -d ${recipient} lmtp:///run/dovecot/lmtp

(Postfix speaks LMTP itself; by a pipe it may be anything else, too.) For fetchmail:

    mda "mailwire deliver -f %F -d %T lmtp://127.0.0.1:24"

=head2 The message

A C<From > line in front is left out, and so is C<Return-Path>, as the server that delivers makes its own (RFC 5321 4.4). The sender is what C<-f>
says, else the C<From > line, else the first C<Return-Path>, else the null sender. C<MAILER-DAEMON>, as Postfix calls it in
a pipe, is the null sender.

=head2 -a ADDRESS

Goes as ORCPT where the server offers DSN, and to Dovecot, which takes it without offering it; else it is left out.

=head2 -m MAILBOX

LMTP has no word for mailboxes. Cyrus, and Dovecot with C<lmtp_save_to_detail_mailbox>, take the part of the address behind the C<+> for it.

=head2 -k

Is taken, as dovecot-lda does, and means nothing here.

=head2 Exit codes

0: the server has accepted the message for this user. 65, 67, 68, 73, 77: it has refused it for good, see L<mailwire/EXIT CODES>; with C<-e> it is 77
for all of these, as dovecot-lda has it. 75: everything else, such as a server that can't be reached, a wrong password, or a link that was lost
when the message may have been delivered already. 64: bad usage.

Several users may be given, behind the URL as well, as Cyrus' deliver has it. There is only one exit code for all of them: one deferral makes it
75, and when the caller then tries again, those who have the message get it twice.

The reason is on standard error. It begins with an enhanced status code (RFC 3463), which Postfix goes by: also bad usage makes it keep the
message.

=head1 SEE ALSO

L<mailwire>, L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
