package Mail::Wire::Peer;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Errno qw(EAGAIN EINTR EWOULDBLOCK);

# Why new of Net::LMTP has failed once it was connected: mostly because something else than an LMTP server is there. Says what came, at
# which step, and what that looks like.

# The longest part of a line that is shown.
use constant SHOWN => 200;

my @looks = (
    [ qr/\ASSH-/                                   => 'an SSH server' ],
    [ qr/\AHTTP\/|\A\s*<(?:!doctype|html|\?xml)/i  => 'an HTTP server' ],
    [ qr/\A\* (?:OK|PREAUTH|BYE)\b/i               => 'an IMAP server' ],
    [ qr/\A(?:\+OK|-ERR)\b/                        => 'a POP3 server' ],
    [ qr/\A"IMPLEMENTATION"/i                      => 'a ManageSieve server' ],
    [ qr/\A[\x14-\x17]\x03[\x00-\x04]/             => 'TLS, which is to be spoken from the first byte' ],
    [ qr/\A[1-9][0-9]*:[KZD]/                      => 'a QMTP server' ],
);

# What a reply of three digits to LHLO, or in the greeting, can be of.
my @greets = (
    [ qr/\bE?SMTP\b/i       => 'an SMTP server, which does not know LHLO' ],
    [ qr/\bFTP\b/i          => 'an FTP server' ],
    [ qr/\b(?:NNTP|INN)\b/i => 'a news server' ],
);

sub _look {
    my ($text, @table) = @_;
    foreach my $row (@table) {
        return "this looks like $row->[1]" if $text =~ $row->[0];
    }
    return;
}

sub _shown {
    my ($line) = @_;
    $line =~ s/[\r\n]+\z//;
    my $rest = length $line > SHOWN ? '...' : '';
    $line = substr $line, 0, SHOWN;
    $line =~ s/([\x00-\x1f\x7f])/sprintf '\\x%02x', ord $1/ge;
    return "'$line$rest'";
}

# code and message are the status; line is one that is no reply, or what has come of one; greeting is the server's, undef: there was none.
sub words {
    my ($step, $code, $message, $line, $greeting) = @_;
    $message =~ s/\s+\z//;
    if (length $line) {
        my $end = $message =~ /\A\[/ ? "; $message" : '';
        return "$step: " . _shown($line) . ' is no reply of an LMTP server; ' . (_look($line, @looks) || 'this looks like another protocol') . $end;
    }
    my $said = "$step: $code $message";
    if ($step eq 'LHLO') {
        my $hint = $code =~ /\A5/ && $code != 501 && _look(defined $greeting ? $greeting : '', @greets);
        $hint ||= 'this looks like an SMTP server, or another one, that does not know LHLO' if $code == 500 or $code == 502;
        return $hint ? "$said; $hint" : $said;
    }
    return $said . '; a server that waits for its client to speak (HTTP, QMTP, TLS) is no LMTP server' if $message =~ /\] Timeout\z/;
    return $said;
}

# For $!: the system's number, where it has one, or what comes next to it.
sub errno {
    my ($system, $message) = @_;
    return $system if $system and not grep { $system == $_ } EAGAIN, EINTR, EWOULDBLOCK;
    my $name = $message =~ /\] Timeout\s*\z/ ? 'ETIMEDOUT' : $message =~ /\] Connection closed\s*\z/ ? 'ECONNRESET' : 'EPROTO';
    my $number = Errno->can($name) || Errno->can('EINVAL');
    return $number->();
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Peer - what a server is that speaks no LMTP

=head1 DESCRIPTION

Internal to Mail-Wire: the words that C<new> of L<Net::LMTP> has for a server which does not answer as it should. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
