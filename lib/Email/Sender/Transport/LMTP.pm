package Email::Sender::Transport::LMTP;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Result ();
use Mail::Wire::Sender ();
use Moo;
use Net::LMTP ();

extends 'Mail::Wire::Sender';

# RFC 5321 4.5.3.2.6, for the calls that know one time for all.
use constant FINAL => 600;

# RFC 5321 4.1.2.
my $ATOM   = qr/[^\x00-\x20\x7f<>()\[\]\\,;:@".]+/;
my $QUOTED = qr/"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"/;

sub _port_by_default { undef }
sub _content_word    { 'DATA' }

sub _dial {
    my ($self) = @_;
    my %start = (starttls => 'require', maybestarttls => 'offered');
    my $lmtp = Net::LMTP->new(
        Host => [ $self->hosts ], $self->_client_options, Hello => $self->helo, ExactAddresses => 1,
        StartTLS => $start{ $self->ssl }, AllowPlaintextAuth => $self->allow_plaintext_auth,
    ) or $self->_throw_unconnected($@);
    $self->_log_in($lmtp);
    return $lmtp;
}

sub _log_in {
    my ($self, $lmtp) = @_;
    my ($user, $password, $sasl) = ($self->sasl_username, $self->sasl_password, $self->sasl_authenticator);
    return if not $sasl and not(defined $user and length $user);
    $self->_failure_class('')->throw({ message => 'sasl_username but no sasl_password' }) if not $sasl and not defined $password;
    return if $lmtp->auth($sasl || ($user, $password));
    my ($code, $message) = ($lmtp->code, $lmtp->message);
    $message =~ s/\s+\z//;
    $lmtp->quit;
    $self->_failure_class($code =~ /\A5/ ? 'Permanent' : 'Temporary')->throw({ code => $code, message => "failed AUTH: $message" });
}

sub _address {
    my ($self, $address) = @_;
    my ($local, $domain) = $address =~ /\A(.*)(\@[^\@]*)\z/s ? ($1, $2) : ($address, '');
    return $address if not length $address or $local =~ /\A(?:$ATOM(?:\.$ATOM)*|$QUOTED)\z/;
    $local =~ s/(["\\])/\\$1/g;
    return qq("$local"$domain);
}

around _deliver => sub {
    my ($orig, $self, $lmtp, $message) = @_;
    return $self->$orig($lmtp, $message) if $self->one_by_one or $self->allow_partial_success or @{ $message->{To} } == 1;
    return $self->_deliver_to_all($lmtp, $message);
};

# Deliveries send the content to those who are accepted. Here nobody gets it if not all are.
sub _deliver_to_all {
    my ($self, $lmtp, $message) = @_;
    my @to = @{ $message->{To} };
    $lmtp->timeout(FINAL) if not defined $self->timeout;
    $lmtp->mail($message->{From}, $self->_parameters($lmtp, $message))
        or return map { Mail::Wire::Result->_new($to[$_], $_, $lmtp->code, scalar $lmtp->message, 'mail') } 0 .. $#to;
    my @accepted = $lmtp->recipient(@to, { SkipBad => 1 });
    $lmtp->data(${ $message->{Data} }) if @accepted == @to;
    my @results = $lmtp->results;
    if (@accepted < @to and $lmtp->is_connected) {
        @results[ map { $_->index } $lmtp->data_results ] = ();
        $lmtp->reset;
    }
    return @results;
}

# What deliveries say by themselves.
sub _parameters {
    my ($self, $lmtp, $message) = @_;
    my $text = $message->{Data};
    my $is_wide = grep {/[^\x00-\x7f]/} $message->{From}, @{ $message->{To} };
    my $length = length($$text) + (() = $$text =~ /(?<!\r)\n/g) + ($$text =~ /\n\z/ ? 0 : 2);
    return (
        defined $lmtp->supports('SIZE')                                 ? (Size => $length) : (),
        defined $lmtp->supports('8BITMIME') && $$text =~ /[^\x00-\x7f]/ ? (Bits => 8)       : (),
        defined $lmtp->supports('SMTPUTF8') && $is_wide                 ? (SMTPUTF8 => 1)   : (),
    );
}

no Moo;
1;

__END__

=encoding utf8

=head1 NAME

Email::Sender::Transport::LMTP - send email by LMTP

=head1 SYNOPSIS

    use Email::Sender::Simple qw(sendmail);
    use Email::Sender::Transport::LMTP;

    my $transport = Email::Sender::Transport::LMTP->new({ host => 'mail.example.org', port => 24 });
    # or a UNIX-domain socket: { host => '/run/dovecot/lmtp' }

    my $mail = "From: ann\@example.org\nTo: ben\@example.org\nSubject: Hello\n\nHello.\n";
    sendmail($mail, { transport => $transport });

=head1 DESCRIPTION

A transport of L<Email::Sender> that hands messages to an LMTP server (RFC 2033) such as Dovecot or Cyrus, by L<Net::LMTP>. Its options
are those of L<Email::Sender::Transport::SMTP>. It makes a connection for each message;
L<Email::Sender::Transport::LMTP::Persistent> keeps one. L<Email::Sender::Transport::QMTP> is the same for QMTP.

Programs that use L<Email::Sender::Simple> take it from their environment, with its options:

    EMAIL_SENDER_TRANSPORT=LMTP EMAIL_SENDER_TRANSPORT_HOST=/run/dovecot/lmtp ./program

It needs Email::Sender (Debian: C<libemail-sender-perl>), which the rest of Mail-Wire does not.

=head1 OPTIONS

C<new> croaks for one that it does not know, and for a value that can't be used. undef is as if it wasn't given.

=over

=item host, hosts

C<host> is a name, an address, or what begins with C</>: the path of a UNIX-domain socket. C<hosts> is a reference to a list of these, or
a string with commas between them, as the environment has it: they are tried in order until one can be connected to. By default
C<localhost>.

=item port

A number, 1 to 65535. LMTP has none of its own: C<new> croaks where it is missing, unless all hosts are paths.

=item ssl

C<'ssl'> or 1: TLS from the first byte. C<'starttls'>: by STARTTLS, which must succeed. C<'maybestarttls'>: by STARTTLS where it is
offered, which anybody between the two can prevent. By default none. Needs L<IO::Socket::SSL>.

=item ssl_options

A reference to a hash of options for IO::Socket::SSL, whose names begin with C<SSL_>. What holds without them is under L<Net::LMTP/TLS>:
certificates and names are verified.

=item sasl_username, sasl_password

Who we are, for AUTH. A C<sasl_username> without a password fails when a message is sent.

=item sasl_authenticator

An L<Authen::SASL> object in their place. See C<auth> in L<Net::LMTP>.

=item allow_plaintext_auth

True: the password may be sent over a link without TLS to another machine, if the server offers no better. By default such a login fails, code 538.

=item timeout

Seconds, 0 for no limit: for connecting, and for each wait. By default 120 for connecting, and for what a message takes
the times of RFC 5321 4.5.3.2, which are longer: a server that is given up too early delivers all the same.

=item helo

The name to say in LHLO; by default this machine's.

=item localaddr, localport

Where to connect from.

=item allow_partial_success

True: a message is sent to those recipients who are accepted, and where some are not, C<send> returns a
L<Email::Sender::Success::Partial>. False, the default: see L</RESULTS>. L<Email::Sender::Simple> takes no transport with it.

=item one_by_one

True: the message is sent once for each recipient, so that a refusal is that recipient's alone. What comes of it is as below.

=item debug

True: shows on STDERR what is said, passwords hidden.

=back

The methods C<host>, C<hosts> (a list), C<port> and so on return them.

=head1 RESULTS

C<send> returns a L<Email::Sender::Success> when every recipient was accepted, or throws a L<Email::Sender::Failure>: C<::Permanent>
or C<::Temporary> by what the server said, with its C<code> and C<message>, the stage (C<error after DATA>) and the C<recipients>. Where
recipients have different ones it is a C<::Multi>, whose C<failures> are one each. A lost link is a C<::Temporary>, code 421.

LMTP servers may refuse a recipient in two places, and without C<allow_partial_success> and C<one_by_one> they differ:

=over

=item At RCPT

Nobody gets the message. The failure has the recipients that were refused.

=item Behind the content

The others have the message, and that can't be undone. The failure is a C<::Multi>, also for one recipient: its C<recipients> are those refused, and
C<delivered> has the others. Send again to those refused only.

=back

Successes and failures have these methods as well:

=over

=item delivered

The recipients that the server has accepted, in order; in scalar context their number.

=item maybe_delivered

Those for whom the message was sent and no answer came: who sends again may make a second copy. The failure's message says C<(may have been
delivered)>.

=item results

The L<Mail::Wire::Result> of each recipient that has one, in order.

=item message

Of a success: what the server said, a line for each recipient.

=back

=head1 ADDRESSES

Envelopes have addresses as RFC 5321 has them, without brackets and names. A local part that needs quotes and has none gets them:
C<ann example@example.org> is sent as C<< <"ann example"@example.org> >>.

=head1 SEE ALSO

L<Email::Sender>, L<Email::Sender::Manual>, L<Net::LMTP>, L<Mail::Wire::Result>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
