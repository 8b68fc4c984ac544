#!/usr/bin/perl

# What is measured: LMTP by hand over IO::Socket::SSL, nothing else being done.
#
#   peer_tls.pl blocks | pipelined PORT COUNT SIZE
#
# blocks: one message, COUNT blocks of SIZE bytes written 64 KB at a time. pipelined: COUNT messages of SIZE bytes; MAIL, RCPT and DATA in
# one write, the content and its dot in another.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Socket::SSL ();

use Bench::Worker qw(FROM TO content measure);

# What is written at once; messages sent before the clock starts.
use constant { PIECE => 65_536, WARM_UP => 20 };

my %mode = (blocks => \&blocks, pipelined => \&pipelined);
my ($mode, $port, $count, $size) = @ARGV;
die "usage: $0 blocks | pipelined PORT COUNT SIZE\n" if !defined $size or !$mode{$mode};

my $link = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, SSL_verify_mode => 0)
    || die "no connection: $IO::Socket::SSL::SSL_ERROR\n";
setsockopt $link, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), pack 'i', 1;
my $read = '';
replies(1);
say_and_hear("LHLO client\r\n", 1);
(my $text = content($size)) =~ s/[^\n]\n/\r\n/g;
$mode{$mode}->();

sub put {
    my ($bytes) = @_;
    for (my $at = 0; $at < length $bytes;) {
        $at += $link->syswrite($bytes, PIECE, $at) || die "write: $IO::Socket::SSL::SSL_ERROR\n";
    }
    return;
}

# So many good ones.
sub replies {
    my ($left) = @_;
    while ($left) {
        if ($read =~ s/\A((?:[23]..-.*\r\n)*[23].. .*\r\n)//) { $left--; next }
        die "refused: $read" if $read =~ /\A[45]/;
        $link->sysread($read, PIECE, length $read) or die "read: $IO::Socket::SSL::SSL_ERROR\n";
    }
    return;
}

sub say_and_hear {
    my ($bytes, $replies) = @_;
    put($bytes);
    return replies($replies);
}

sub open_message { return say_and_hear(join("\r\n", 'MAIL FROM:<' . FROM . '>', 'RCPT TO:<' . TO . '>', "DATA\r\n"), 3) }

sub blocks {
    my $run = sub {
        my ($blocks) = @_;
        open_message();
        put($text) for 1 .. $blocks;
        say_and_hear(".\r\n", 1);
    };
    $run->(1);
    measure($count, sub { $run->($count) });
    return;
}

sub pipelined {
    my $content = "$text.\r\n";
    my $run = sub {
        for (1 .. $_[0]) {
            open_message();
            say_and_hear($content, 1);
        }
    };
    $run->(WARM_UP);
    measure($count, sub { $run->($count) });
    return;
}
