package Mail::Wire::Command::Send;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Message ();
use Mail::Wire::Command::Report ();
use Mail::Wire::Command::Window ();
use Mail::Wire::Words ();

# mailwire send: messages from files or standard input.

# Options of deliver, and of a recipient.
my %of_message = (
    ret => 'Return', envid => 'Envelope', size => 'Size', smtputf8 => 'SMTPUTF8', requiretls => 'RequireTLS', 'deliver-by' => 'DeliverBy',
    'mt-priority' => 'MTPriority', 'hold-for' => 'HoldFor', 'hold-until' => 'HoldUntil', param => 'Params', deadline => 'Deadline',
);
my %of_recipient = (notify => 'Notify', orcpt => 'OriginalRecipient', 'rcpt-param' => 'Params');

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, Mail::Wire::Command::Connection::OPTIONS, Mail::Wire::Command::Report::OPTIONS,
        qw(from|f=s to=s@ t read-envelope-from ret=s envid=s size=s smtputf8 requiretls deliver-by=s mt-priority=s hold-for=s hold-until=s
        param=s% deadline=s notify=s orcpt=s rcpt-param=s%));
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    _check($option);
    my @paths = @arguments ? @arguments : '-';
    fail(USAGE, '- is standard input, which can be read once') if 1 < grep { $_ eq '-' } @paths;
    my $self = bless { option => $option, url => $url, report => Mail::Wire::Command::Report->new($option) }, $class;
    return @paths == 1 ? $self->_send_one($paths[0]) : $self->_send_all(@paths);
}

sub _check {
    my ($option) = @_;
    fail(USAGE, 'no recipient: give --to ADDRESS, or -t to take them from the header') if not $option->{to} and not $option->{t};
    fail(USAGE, '--to: the address is empty') if grep { not length } @{ $option->{to} || [] };
    fail(USAGE, 'no sender: give --from ADDRESS (--from "" for the null sender), or --read-envelope-from')
        if not defined $option->{from} and not $option->{'read-envelope-from'};
    fail(USAGE, '--from and --read-envelope-from: one of them') if defined $option->{from} and $option->{'read-envelope-from'};
    return;
}

sub _send_one {
    my ($self, $path) = @_;
    my $message = Mail::Wire::Command::Message->open_path($path);
    my %arguments = $self->_arguments($message);
    my $client = Mail::Wire::Command::Connection::dial($self->{url}, $self->{option});
    my @results = eval { $client->deliver(%arguments) } or fail(USAGE, Mail::Wire::Words::said($@));
    $self->{report}->results($path eq '-' ? undef : $path, @results);
    $client->quit;
    return $self->{report}->code;
}

# One that cannot be read, or whose header has no envelope, stops no other.
sub _send_all {
    my ($self, @paths) = @_;
    my $report = $self->{report};
    my $window = Mail::Wire::Command::Window->new($self->{url}, $self->{option}, sub { $report->results(@_) });
    foreach my $path (@paths) {
        my %arguments = eval {
            fail(TRY_AGAIN, 'stopped by SIG' . stopped()) if defined stopped();
            $self->_arguments(Mail::Wire::Command::Message->open_path($path));
        };
        if (not %arguments) {
            $report->unsent($path, failure($@));
            next;
        }
        eval { $window->submit($path, %arguments); 1 } or fail(ref $@ ? failure($@) : (USAGE, Mail::Wire::Words::said($@)));
    }
    $window->finish;
    $window->close;
    $report->summary;
    return $report->code;
}

# ---------------------------------------------------------------- the envelope

sub _arguments {
    my ($self, $message) = @_;
    my $option = $self->{option};
    my @to = @{ $option->{to} || [] };
    push @to, _of_header($message) if $option->{t};
    $message->leave_out(qw(Bcc Resent-Bcc)) if $option->{t};
    my %seen;
    @to = grep { !$seen{$_}++ } @to;
    fail(REFUSED, $message->name . ': no recipient in its header (To, Cc, Bcc)') if not @to;
    my %of_each = map { $of_recipient{$_} => $option->{$_} } grep { defined $option->{$_} } keys %of_recipient;
    my $from = defined $option->{from} ? $option->{from} : _author($message);
    return (
        From => $from, To => [ map { %of_each ? [ $_, {%of_each} ] : $_ } @to ],
        map({ $of_message{$_} => $option->{$_} } grep { defined $option->{$_} } keys %of_message),
        $message->content,
    );
}

# RFC 5322 3.6.6: whom a message was sent on to, by the block of Resent fields on top, are its recipients now.
sub _of_header {
    my ($message) = @_;
    my @resent = $message->fields(qw(Resent-To Resent-Cc Resent-Bcc));
    my %seen;
    my @block;
    foreach my $field (@resent) {
        last if $seen{ $field->[0] }++;
        push @block, $field;
    }
    return map { $message->addresses($_->[1]) } @block ? @block : $message->fields(qw(To Cc Bcc));
}

sub _author {
    my ($message) = @_;
    my @resent = $message->fields('Resent-From');
    my ($author) = map { $message->addresses($_->[1]) } @resent ? $resent[0] : $message->fields('From');
    fail(REFUSED, $message->name . ': no sender in its header (From)') if not defined $author;
    return $author;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Send - mailwire send: messages from files or standard input

=head1 SYNOPSIS

    mailwire send URL --from ADDRESS --to ADDRESS ... [FILE ...]

    Sends each FILE, or standard input, as a message.

      -f, --from ADDRESS       envelope sender; "" is the null sender
      --read-envelope-from     the sender is the header's From
      --to ADDRESS             a recipient; as often as there are some
      -t                       recipients are the header's To, Cc and Bcc;
                               Bcc is taken out
      --notify LIST, --orcpt ADDRESS, --ret full|hdrs, --envid ID   DSN
      --size OCTETS            what SIZE says; else it is found out
      --smtputf8, --requiretls, --deliver-by SECONDS;MODE,
      --mt-priority N, --hold-for SECONDS, --hold-until TIME
      --param KEY=VALUE        any other parameter of MAIL; --rcpt-param: RCPT
      --deadline SECONDS       for each message
      --json                   a line of JSON for each recipient
      -q, --quiet              nothing about successes
      --trace                  shows the session

    TLS, AUTH, times: mailwire help link.   Exit codes: man mailwire.

=head1 DESCRIPTION

Each file is one message (RFC 5322), with line ends of any kind; C<-> is standard input. A C<From > line in front, as mboxes have it, is left
out; mailboxes are not taken apart. Several files go over one link, many on their way at once.

=over

=item -t

Recipients are the addresses in C<To>, C<Cc> and C<Bcc>, together with those of C<--to>, each once; if there are C<Resent-> fields, those of
the block on top. C<Bcc> and C<Resent-Bcc> are taken out of what is sent. A list of addresses that cannot be understood is an error, and that
message is not sent to anybody.

=item --read-envelope-from

The first address of C<Resent-From>, if there is one, else of C<From>.

=item --notify, --orcpt, --ret, --envid

Notify, OriginalRecipient, Return and Envelope of L<Net::LMTP>. What the server doesn't offer is left out, with a warning.

=back

A file that can't be read stops no other. Exit codes are in L<mailwire/EXIT CODES>.

=head1 SEE ALSO

L<mailwire>, L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
