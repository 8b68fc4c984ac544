# For whom mail is delivered: XCLIENT, XFORWARD, TRACE, and the header of the PROXY protocol.

use strict;
use warnings;

use Socket;
use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

# --- XCLIENT ---

my $offer = 'XCLIENT NAME ADDR PORT HELO LOGIN DESTADDR CLIENT-TRANSPORT';
my @over  = (keywords => [ 'PIPELINING', 'DSN', $offer ], XCLIENT => '220 proxied.example ready',
    LHLO => [ "250-server.example\r\n250-PIPELINING\r\n250-DSN\r\n250 $offer", "250-proxied.example\r\n250 SIZE 10" ]);

for my $case (
    # what is given, what is sent
    [ [ ADDR => '192.0.2.1', PORT => 25 ],                       'ADDR=192.0.2.1 PORT=25' ],
    [ [ { addr => 'IPV6:2001:db8::1', 'client-transport' => 'insecure' } ], 'ADDR=IPV6:2001:db8::1 CLIENT-TRANSPORT=insecure' ],
    [ [ NAME => undef, LOGIN => "a b\r\nQUIT=+" ],               'LOGIN=a+20b+0D+0AQUIT+3D+2B NAME=[UNAVAILABLE]' ],
    [ [ LOGIN => "\x{142}" ],                                    'LOGIN=+C5+82' ],
) {
    my ($given, $sent) = @$case;
    my ($lmtp, $server) = session(@over);
    ($@, $!) = ('as it was', 5);
    ok($lmtp->xclient(@$given), "xclient, $sent") or diag($lmtp->message);
    is_deeply([ $@, 0 + $! ], [ 'as it was', 5 ], '... leaves $@ and $! alone');
    is(wire($server), "XCLIENT $sent\r\nLHLO client.example\r\n", '... the session starts over');
    is($lmtp->banner, "proxied.example ready\n", '... with another greeting');
    is($lmtp->domain, 'proxied.example', '... and name');
    is(scalar $lmtp->supports('DSN'),  undef, '... what was offered is forgotten');
    is(scalar $lmtp->supports('SIZE'), 10,    '... what is offered now is known');
    is_deeply([ shown($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => '')) ], ['b@x success 250 final'], '... and mail goes');
}

for my $case (
    # what is answered, code, the link stands
    [ 'a refusal',               [ keywords => [$offer], XCLIENT => '550 not you' ], 550, 1 ],
    [ 'another success',         [ keywords => [$offer], XCLIENT => '250 ok' ],      421, 0 ],
    [ 'no LHLO afterwards',      [ keywords => [$offer], XCLIENT => '220 ok', LHLO => [ "250-me\r\n250 $offer", '450 later' ] ], 450, 1 ],
    [ 'more than its reply',     [ keywords => [$offer], XCLIENT => "220 ok\r\n250 injected" ], 421, 0 ],
    [ 'not offered',             [],                                                 503, 1 ],
) {
    my ($name, $answers, $code, $stands) = @$case;
    my ($lmtp, $server) = session(@$answers);
    is($lmtp->xclient(ADDR => '192.0.2.1'), 0, "xclient, $name");
    is($lmtp->code, $code, '... code');
    is($lmtp->opened ? 1 : 0, $stands, '... the link');
    ok(!$lmtp->mail('a@x'), '... no mail without LHLO') if $name =~ /LHLO/;
    is(wire($server), '', '... nothing was sent') if $name =~ /offered/;
    my $connection = $server->connections;
    my $new = Net::LMTP->new($server->args, Hello => 'client.example', XClient => { ADDR => '192.0.2.1' });
    is($new, undef, '... new fails');
    like($@, qr/XCLIENT|LHLO/, '... and says where') or diag($@);
}

{
    my ($lmtp, $server) = session(keywords => [$offer]);
    $lmtp->mail('a@x');
    is($lmtp->xclient(ADDR => '192.0.2.1'), 0, 'xclient inside a transaction');
    is($lmtp->code, 503, '... code');
    $lmtp->reset;
    is($lmtp->xclient(ADDR => ['192.0.2.1']), 0, 'a reference for a value');
    is($lmtp->message, "XCLIENT: the value of ADDR is a reference\n", '... why not');
    my @warnings = warnings_of { is($lmtp->xclient(DESTPORT => 1, TTL => 5), 0, 'attributes that are not listed') };
    is(scalar @warnings, 1, '... a warning');
    like($warnings[0], qr/Net::LMTP::xclient: not supported by host: DESTPORT TTL at \Q$0\E/, '... what it says');
    is($lmtp->code, 501, '... code');
    ok(!eval { $lmtp->xclient('ADDR'); 1 }, 'an odd number of arguments croaks');
    is(wire($server), "MAIL FROM:<a\@x>\r\nRSET\r\n", '... nothing was sent');
}

{
    my ($lmtp, $server) = session(@over);
    $lmtp->command('NOOP');
    is($lmtp->xclient(ADDR => '192.0.2.1'), 1, 'behind a command whose reply was not read: it is read first');
    ($lmtp) = session(keywords => [$offer], XCLIENT => '250 ok');
    $lmtp->xclient(ADDR => '192.0.2.1');
    my ($result) = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => '');
    is($result->message, '[Net::LMTP] XCLIENT: another success than 220', 'why a link was given up is in later results');
}

{
    my $server = ScriptedServer->new(script => ScriptedServer::session(@over));
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', XClient => { ADDR => '192.0.2.1' });
    ok($lmtp, 'XClient of new') or diag($@);
    is(wire($server), "XCLIENT ADDR=192.0.2.1\r\nLHLO client.example\r\n", '... behind LHLO, which is said again');
    foreach my $bad ([ XClient => 'ADDR=1' ], [ XClient => {}, SendHello => 0 ]) {
        is(Net::LMTP->new($server->args, @$bad), undef, "... not $bad->[1]");
        like($@, qr/XClient must be a reference to a hash/, '... why');
    }
}

# --- XFORWARD, TRACE ---

{
    my ($lmtp, $server) = session(keywords => [ 'XFORWARD NAME ADDR', 'TRACE' ]);
    ok($lmtp->xforward(NAME => 'a b', ADDR => undef), 'xforward');
    my @warnings = warnings_of { ok($lmtp->xforward({ ADDR => '192.0.2.1', HELO => 'x' }), '... by a reference') };
    like("@warnings", qr/Net::LMTP::xforward: not supported by host: HELO/, '... warns of what is not listed');
    ok($lmtp->trace('id-1'), 'trace');
    is(wire($server), "XFORWARD ADDR=[UNAVAILABLE] NAME=a+20b\r\nXFORWARD ADDR=192.0.2.1\r\nTRACE id-1\r\n", '... on the wire');
    ok(!$lmtp->trace("id\nQUIT"), 'no second line in it');
    is($lmtp->code, 501, '... code');
    ($lmtp, $server) = session();
    ok(!$lmtp->xforward(NAME => 'a') && $lmtp->code == 503, 'xforward that is not offered');
    ok(!$lmtp->trace('a') && $lmtp->code == 503, 'trace that is not offered');
    is(wire($server), '', '... nothing was sent');
}

# --- the PROXY protocol ---

my $signature = "\r\n\r\n\0\r\nQUIT\n";

sub headed {
    my ($bytes, $listen) = @_;
    return ScriptedServer->new(listen => $listen || 'ipv4', script => sub {
        my ($peer) = @_;
        $peer->bytes($bytes);
        ScriptedServer::Session->new($peer)->run;
    });
}

my %given = (SourceAddr => '192.0.2.1', SourcePort => 1234, DestAddr => '192.0.2.2', DestPort => 24);
my %six   = (SourceAddr => '2001:db8::1', SourcePort => 0, DestAddr => '2001:DB8::2', DestPort => 65535);
my $has_6 = defined &Socket::inet_pton && defined &Socket::inet_ntop;

for my $case (
    # ProxyProtocol, the header
    [ { Version => 1, %given }, "PROXY TCP4 192.0.2.1 192.0.2.2 1234 24\r\n" ],
    [ { Version => 2, %given }, $signature . pack('C C n C4 C4 n n', 0x21, 0x11, 12, 192, 0, 2, 1, 192, 0, 2, 2, 1234, 24) ],
    [ {%given},                 $signature . pack('C C n C4 C4 n n', 0x21, 0x11, 12, 192, 0, 2, 1, 192, 0, 2, 2, 1234, 24) ],
    $has_6 ? (
        [ { Version => 1, %six }, "PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n" ],
        [ {%six}, $signature . pack('C C n', 0x21, 0x21, 36) . "\x20\x01\x0d\xb8" . "\0" x 11 . "\1\x20\x01\x0d\xb8" . "\0" x 11 . "\2\0\0\xff\xff" ],
    ) : (),
) {
    my ($how, $header) = @$case;
    my $server = headed(length $header);
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', ProxyProtocol => $how);
    ok($lmtp, "version @{[ $how->{Version} || 'by default' ]}, $how->{SourceAddr}") or diag($@);
    is($server->received, $header . "LHLO client.example\r\n", '... the header is in front of all');
}

for my $version (1, 2) {
    my $server = headed($version == 1 ? length "PROXY UNKNOWN\r\n" : 16, 'unix');
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', ProxyProtocol => $version);
    ok($lmtp, "version $version, a UNIX-domain socket") or diag($@);
    like($server->received, $version == 1 ? qr/\APROXY UNKNOWN\r\nLHLO / : qr/\A\Q$signature\E\x20\0\0\0LHLO /, '... nothing is known');
    is(Net::LMTP->new($server->args, ProxyProtocol => { Version => $version, SourceAddr => '192.0.2.1' }), undef, '... one address is not enough');
    like($@, qr/addresses and ports of both ends/, '... why');
}

{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->expect(qr/^PROXY /);
        ScriptedServer::Session->new($peer)->run;
    });
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', ProxyProtocol => 1);
    is($server->received, sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nLHLO client.example\r\n", $lmtp->sockport, $server->port),
        'what is not given is the connection\'s own');
    $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', ProxyProtocol => { Version => 1, SourceAddr => '192.0.2.1', SourcePort => 5 });
    like($server->received, qr/\APROXY TCP4 192\.0\.2\.1 127\.0\.0\.1 5 @{[ $server->port ]}\r\n/, '... or a part of it');
    SKIP: {
        skip 'no IPv6 in this Socket', 2 if not $has_6;
        is(Net::LMTP->new($server->args, ProxyProtocol => { SourceAddr => '2001:db8::1' }), undef, '... not of another family');
        like($@, qr/in one family/, '... why');
    }
}

for my $case (
    [ { Version => 3 },               qr/Version must be 1 or 2, not '3'/ ],
    [ 'yes',                          qr/Version must be 1 or 2, not 'yes'/ ],
    [ { Source => 'x' },              qr/has no 'Source', it has DestAddr DestPort SourceAddr/ ],
    [ { SourcePort => 65_536 },       qr/SourcePort must be a number up to 65535, not '65536'/ ],
    [ { DestPort => "1\n" },          qr/DestPort must be a number/ ],
    [ { SourceAddr => '300.0.2.1' },  qr/SourceAddr must be an IPv4 or IPv6 address, not '300\.0\.2\.1'/ ],
    [ { SourceAddr => 'localhost' },  qr/SourceAddr must be an IPv4 or IPv6 address/ ],
    [ { DestAddr => "::1\r\nLHLO" },  qr/DestAddr must be an IPv4 or IPv6 address/ ],
    $has_6 ? [ { SourceAddr => '192.0.2.1', DestAddr => '::1' }, qr/SourceAddr and DestAddr must be of one family/ ] : (),
) {
    my ($how, $why) = @$case;
    my ($port, $held) = ScriptedServer->refusing_port;
    my @got = Net::LMTP->new('127.0.0.1', $port, ProxyProtocol => $how);
    my $reason = $@;
    is(scalar @got, 0, 'ProxyProtocol that cannot be had');
    like($reason, qr/\ANet::LMTP: ProxyProtocol: $why/, '... why');
    is(Net::QMTP->new('127.0.0.1', Port => $port, ProxyProtocol => $how), undef, '... the same for Net::QMTP');
    like($@, $why, '... why');
}

{
    my $header = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 24\r\n";
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        $peer->bytes(length $header);
        QMTPServer::take($peer);
        $peer->send(QMTPServer::netstring('Kok'));
    });
    my $qmtp = QMTPServer::client($server, ProxyProtocol => { Version => 1, %given });
    is_deeply([ map { $_->status } $qmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") ], ['success'], 'Net::QMTP');
    like($server->received, qr/\A\Q$header\E[0-9]+:/, '... the header is in front of all');
    $qmtp->reconnect;
    is_deeply([ map { $_->status } $qmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") ], ['success'], '... of each connection');
}

# A server that has closed already.
{
    my ($port, $held) = ScriptedServer->refusing_port;
    is(Net::LMTP->new('127.0.0.1', $port, ProxyProtocol => 1), undef, 'nobody there');
}

done_testing;
