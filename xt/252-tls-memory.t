# 10,000 handshakes that go well and 10,000 that fail, each way of failing in turn, in memory that does not grow, and with no descriptor left open.

use strict;
use warnings;

use Net::LMTP;
use Test::More;

use lib 't/lib';
use Memory;
use TLSTest;    # before what it looks for
use IO::Socket::SSL;
use ServerProcess;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

use constant { ROUNDS => 10_000, FIRST => 1000, MORE_KILOBYTES => 1024 };

plan skip_all => 'no /proc/self/status' if !Memory::resident();

# A server that answers each connection as its port says.
sub server {
    my ($serve) = @_;
    my $server = ServerProcess->new;
    $server->listen_on('ipv4');
    $server->start(sub {
        my ($listener) = @_;
        while (accept my $peer, $listener) {
            setsockopt $peer, IPPROTO_TCP, TCP_NODELAY, 1;
            $serve->($peer);
            close $peer;
        }
    });
    return $server;
}

sub secured {
    my ($kind) = @_;
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_session_cache_size => -1, %{ tls_of($kind) }) or die $SSL_ERROR;
    return server(sub {
        my ($peer) = @_;
        my $ssl = IO::Socket::SSL->start_SSL($peer, SSL_server => 1, SSL_reuse_ctx => $context, SSL_error_trap => sub { }) or return;
        print {$ssl} "220 server.example LMTP\r\n";
        scalar <$ssl>;
        print {$ssl} "250 server.example\r\n";
        scalar <$ssl>;
        $ssl->close;
    });
}

sub descriptors { opendir my $folder, '/proc/self/fd' or return 0; return scalar grep {/\d/} readdir $folder }

# What is done $rounds times needs no more memory at the end than at a tenth of it.
sub is_flat {
    my ($name, $code) = @_;
    my ($rounds, $before, $open) = (0);
    for (1 .. ROUNDS) {
        ($before, $open) = (Memory::resident(), descriptors()) if $_ == FIRST;
        $code->($_);
    }
    my $more = Memory::resident() - $before;
    cmp_ok($more, '<=', MORE_KILOBYTES, "$name: flat memory");
    is(descriptors(), $open, '... and no more descriptors');
    note("$more KB more, in " . (time - $^T) . ' s');
    return;
}

my $good = secured('good');
my $count = 0;
my @option = (Hello => 'client.example', SSL => 1, trusting());
is_flat('good handshakes', sub { my $lmtp = Net::LMTP->new($good->args, @option) or return; $count += $lmtp->is_tls; $lmtp->close });
is($count, ROUNDS, 'all of them went well');

my @bad = (
    [ secured('self'),                                                 qr/certificate verify failed/ ],
    [ secured('other'),                                                qr/hostname verification failed/ ],
    [ server(sub { sysread $_[0], my $hello, 4096; syswrite $_[0], '220 server.example LMTP' . "\r\n" x 10 }), qr/does not speak TLS/ ],
    [ server(sub { sysread $_[0], my $hello, 4096 }),                  qr/closed the connection in the handshake/ ],
    [ secured('uri'),                                                  qr/hostname verification failed/, SSL_verifycn_name => 'localhost' ],
    [ $good,                                                           qr/none of SSL_fingerprint/, SSL_fingerprint => '0' x 64 ],
);
$count = 0;
is_flat('handshakes that fail', sub {
    my ($server, $words, @more) = @{ $bad[ $_[0] % @bad ] };
    my $lmtp = Net::LMTP->new($server->args, @option, @more);
    $count += !$lmtp && $@ =~ $words;
});
is($count, ROUNDS, 'each says why');

done_testing;
