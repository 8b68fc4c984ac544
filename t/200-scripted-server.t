# The server that the other tests rely on: what it records, when it closes, how it ends.

use strict;
use warnings;

use Errno qw(ECONNREFUSED ECONNRESET);
use IO::Handle;
use Socket;
use Test::More;

use lib 't/lib';
use ScriptedServer;

sub dial {
    my ($server) = @_;
    my ($family, $address)
        = defined $server->path    ? (AF_UNIX,  pack_sockaddr_un($server->path))
        : $server->host eq '::1'   ? (AF_INET6, Socket::pack_sockaddr_in6($server->port, Socket::inet_pton(AF_INET6, '::1')))
        :                            (AF_INET,  pack_sockaddr_in($server->port, INADDR_LOOPBACK));
    socket(my $socket, $family, SOCK_STREAM, 0) or die "socket: $!";
    connect($socket, $address) or die "connect: $!";
    binmode $socket;
    $socket->autoflush(1);
    return $socket;
}

for my $kind (qw(ipv4 ipv6 unix)) {
    SKIP: {
        skip 'no IPv6 here', 3 if $kind eq 'ipv6' && !ScriptedServer->has_ipv6;
        my $server = ScriptedServer->new(listen => $kind, script => [ reply => 'hi', expect => qr/^A/, trickle => "b\nc\n" ]);
        my $socket = dial($server);
        is(scalar <$socket>, "hi\r\n", "$kind: greeting");
        print {$socket} "A\r\nrest";
        is(join('', scalar <$socket>, scalar <$socket>), "b\nc\n", "$kind: answer, byte by byte");
        is($server->received, "A\r\nrest", "$kind: everything is recorded");
    }
}

{
    my $server = ScriptedServer->new(script => [ expect => 'right', reply => 'no' ]);
    my $socket = dial($server);
    print {$socket} "wrong\n";
    is(scalar <$socket>, undef, 'a line that is not the expected one closes the connection');
    is_deeply([ $server->problems ], ["expected 'right', got 'wrong'"], '... and is noted');
}

{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my $data  = $peer->data;
        my $bytes = $peer->bytes(4);
        $peer->reply(length $data, "[$bytes]");
    });
    my $socket = dial($server);
    print {$socket} "one\n.\n..\r\n.\r\n\0\r\n.tail";
    is(scalar <$socket>, "10\r\n", 'data ends at CRLF dot CRLF alone');
    is(scalar <$socket>, "[\0\r\n", 'bytes are counted');
    is(scalar <$socket>, ".]\r\n", '... whatever they are');
    $socket = dial($server);
    print {$socket} ".\r\nabcd";
    is(scalar <$socket>, "0\r\n", 'empty data');
    is($server->connections, 2, 'connections are counted');
    is($server->received(0), "one\n.\n..\r\n.\r\n\0\r\n.tail", 'each has its own record');
    is($server->received, ".\r\nabcd", '... the latest by default');
}

{
    my $server = ScriptedServer->new(script => [ stall => 'here', reply => 'late' ]);
    my $socket = dial($server);
    ok($server->await('here'), 'the server says that it stalls');
    print {$socket} 'meanwhile';
    is($server->received, 'meanwhile', 'bytes that came while it stalls are recorded');
    ok($server->release, 'release');
    is(scalar <$socket>, "late\r\n", '... and it goes on');
    close $socket;
    ok($server->await('eof'), 'it sees the client leave');
}

for my $how ([ close => undef ], [ finish => undef ], [ reset => ECONNRESET ]) {
    my ($verb, $errno) = @$how;
    my $server = ScriptedServer->new(script => [ $verb => undef ]);
    my $socket = dial($server);
    ok($server->await('closed'), "$verb is announced");
    my $got = sysread $socket, my $bytes, 1;
    is($errno ? (0 + $!) : $got, $errno || 0, "$verb shows as " . ($errno ? 'ECONNRESET' : 'end of file'));
}

{
    my $server = ScriptedServer->new(script => ScriptedServer::session(
        keywords => ['CHUNKING'], RCPT => [ '250 ok', '550 no', '250 ok' ], final => [ [ '250 a', '450 b' ], ['250 c'] ]));
    my $socket = dial($server);
    print {$socket} map { "$_\r\n" } 'LHLO me', 'MAIL FROM:<a>', ('RCPT TO:<b>') x 3, 'DATA', 'x', '.',
        'MAIL FROM:<a>', 'RCPT TO:<b>', 'BDAT 3', 'x', 'BDAT 0 LAST', 'QUIT';
    is(join('', map { defined $_ ? $_ : '(end)' } map { scalar <$socket> } 1 .. 17), join('', map { "$_\r\n" }
        '220 server.example LMTP ready', '250-server.example', '250 CHUNKING', '250 ok', '250 ok', '550 no', '250 ok',
        '354 go on', '250 a', '450 b', '250 ok', '250 ok', '250 ok', '250 c', '221 bye') . '(end)(end)', 'a session by table')
        or diag explain [ $server->problems ];
}

{
    my ($port, $held) = ScriptedServer->refusing_port;
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    ok(!connect($socket, pack_sockaddr_in($port, INADDR_LOOPBACK)), 'a refusing port');
    is(0 + $!, ECONNREFUSED, '... refuses');
}

{
    my $server = ScriptedServer->new(script => [ reply => 'hi' ]);
    my $pid = $server->pid;
    undef $server;
    ok(!kill(0, $pid), 'a server ends with its object');
}

# What a test ends with whose server did this.
sub ends_with {
    my ($script) = @_;
    my $program = 'open STDERR, q(>), q(/dev/null); use ScriptedServer; use POSIX; use IO::Socket::INET;'
        . "my \$server = ScriptedServer->new(script => sub { $script });"
        . 'my $socket = IO::Socket::INET->new(PeerAddr => $server->host, PeerPort => $server->port) or die $@; readline $socket';
    return system($^X, (map {"-I$_"} @INC), '-e', $program) >> 8;
}

is(ends_with('$_[0]->close'), 0, 'a server that does what it should');
isnt(ends_with('die "why\n"'), 0, '... one whose script dies: the test has failed');
isnt(ends_with('POSIX::_exit(3)'), 0, '... one that ends');
isnt(ends_with('kill TERM => $$'), 0, '... or is killed');

done_testing;
