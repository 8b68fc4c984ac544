package Mail::Wire;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EINVAL);
use Mail::Wire::URL ();
use XSLoader ();
XSLoader::load('Mail::Wire', $VERSION);

sub connect {
    my ($class, $url, @options) = @_;
    croak 'usage: Mail::Wire->connect(URL [, NAME => VALUE ...])' if not defined $url or @options % 2;
    my ($place, $wrong) = Mail::Wire::URL::parsed($url);
    if (not $place) {
        ($@, $!) = ("Mail::Wire: the URL has $wrong", EINVAL);
        return;
    }
    my @where = (Host => $place->{host}, Port => $place->{port}, $place->{scheme} =~ /s\z/ ? (SSL => 1) : ());
    if ($place->{scheme} =~ /\Aqmtp/) {
        require Net::QMTP;
        my $qmtp = Net::QMTP->new($place->{host}, @options, @where);
        return defined $qmtp ? $qmtp : ();
    }
    require Net::LMTP;
    return Net::LMTP->new(@where, @options, @where);
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire - LMTP and QMTP clients on a core in C

=head1 SYNOPSIS

    use Mail::Wire;
    use Net::LMTP;
    use Net::QMTP;

    my $message = "Subject: Hello\n\nHello.\n";
    my @to = ('ann@example.org', 'ben@example.org');

    my $lmtp = Net::LMTP->new('/run/dovecot/lmtp') or die "no connection: $@";
    $lmtp->mail('sender@example.org');
    $lmtp->recipient(@to, { SkipBad => 1 });
    $lmtp->data($message);

    my $qmtp = Net::QMTP->new('mail.example.org') or die 'no connection';
    $qmtp->sender('sender@example.org');
    $qmtp->recipient($_) for @to;
    $qmtp->message($message);
    $qmtp->send or die $qmtp->error;

    print $_->as_string, "\n" for $lmtp->results, $qmtp->results;

    $lmtp->quit;
    $qmtp->disconnect;

    # By URL; all in one call.
    my $client = Mail::Wire->connect('lmtp://127.0.0.1:24', Timeout => 60) or die $@;
    print $_->as_string, "\n"
        for $client->deliver(From => 'sender@example.org', To => \@to, Data => $message);
    $client->quit;

=head1 DESCRIPTION

Mail-Wire hands mail to servers by LMTP (Dovecot, Cyrus, dspam, Zimbra and others) and by QMTP
(qmail and its kin). Its classes L<Net::LMTP> and L<Net::QMTP> take the place of the older modules
of these names: scripts and subclasses written for them run unchanged. What is new is that B<every
recipient's result> is there, also when a link is lost half-way.

The protocols are spoken by a core in C without system calls, which bytes go into and come out of.
This module is what loads it, and makes connections by URL, see L</connect>. The classes below load
it when they are used, so programs that make their objects by C<new> need no C<use Mail::Wire>.

=head1 METHODS

=head2 connect

    $client = Mail::Wire->connect(URL [, OPTIONS]) or die $@;

Connects to where URL says and returns a L<Net::LMTP> or a L<Net::QMTP>; undef (in list context the
empty list) with the reason in C<$@>, if the URL is not one of these or the connection fails:

=over

=item C<lmtp://HOST:PORT>

LMTP over TCP. HOST is a name or an address; IPv6 addresses are in brackets (C<lmtp://[::1]:24>).
PORT is a number, and there is no default, as LMTP has no port of its own.

=item C<lmtp:///PATH>

LMTP over the UNIX-domain socket F</PATH>: C<lmtp:///run/dovecot/lmtp>. White space, C<?>, C<#>,
C<%>, and whatever isn't ASCII, are written as %-escapes of their octets.

=item C<qmtp://HOST>, C<qmtp://HOST:PORT>, C<qmtp:///PATH>

QMTP likewise. PORT is 209 if there is none.

=item C<lmtps://...>, C<qmtps://...>

The same over TLS from the first byte; the port of C<qmtps:> is 6209 if there is none. See L<Net::LMTP/TLS>.

=back

A user (C<lmtp://ann@...>) is refused, as URLs are shown and written down, and so are a query and a fragment.

OPTIONS are pairs of name and value, and are passed on to C<new> of L<Net::LMTP> or L<Net::QMTP>. LMTP's C<StartTLS>, C<User>,
C<Password> and C<Token> are refused for QMTP, which has neither STARTTLS nor authentication.
Croaks when URL is undef.

=head1 CLASSES

=over

=item L<Net::LMTP>

The LMTP client (RFC 2033): the methods of Net::SMTP and L<Net::Cmd>, over TCP and UNIX-domain
sockets.

=item L<Net::QMTP>

The QMTP client: a message and its envelope are set, then sent as one package.

=item L<Mail::Wire::Result>

What became of one recipient: success, deferral or failure, with the server's words. It is the same
type for both protocols. C<results> of either class returns one per recipient, in order.

=item L<Mail::Wire::Pool>

Messages over several links, which are opened again when they are lost; what is deferred is sent again.

=item L<Mail::Wire::Mailbox>

The messages of mboxes, Maildirs, archives and so on, one after another, to be sent from where they lie.

=item L<Mail::Wire::Sink>

An LMTP and QMTP server for tests and demos, on loopback or a UNIX-domain socket. It keeps the mail
for inspection and answers as told, wrongly if you like.

=item L<Mail::Wire::DataHandle>

What the handles of Net::LMTP's C<datafh> are tied to.

=back

=head1 WHERE TO START

With L<Mail::Wire::Manual>, which has a page for each job. With a script that uses Net::LMTP or Net::QMTP already: install Mail-Wire and run it;
what it may notice is in L<Mail::Wire::Migration>.

The folder F<eg> of the distribution has whole scripts; they bring a L<Mail::Wire::Sink> along, so that they run anywhere.

=head1 REQUIREMENTS

A system with POSIX sockets, perl 5.10.1 or later, and a C compiler to build it. No modules but
perl's own are needed at run time.

Mechanisms of authentication that need a module say so when they are used: see C<auth> in L<Net::LMTP>. So
does TLS, which needs L<IO::Socket::SSL>.

=head1 SEE ALSO

L<Net::Cmd>, L<Net::SMTP>, RFC 2033, L<https://cr.yp.to/proto/qmtp.txt>.

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
