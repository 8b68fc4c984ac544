# Net::LMTP->new: what it takes, what it makes of it, how it fails.

use strict;
use warnings;

use Errno qw(ECONNREFUSED);
use IO::Select;
use Socket;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

ok(eval { Net::LMTP->VERSION('0.04'); 1 }, 'the version is above any released one');

my $session = ScriptedServer::session();

# --- the forms ---

{
    my $server = ScriptedServer->new(script => $session);
    my ($host, $port) = $server->args;
    my @forms = (
        [ 'HOST, PORT',                    $host, $port ],
        [ 'HOST, PORT, options',           $host, $port, Timeout => 60, Hello => 'me.example' ],
        [ 'HOST, option Port',             $host, Port => $port ],
        [ 'all as options',                Host => $host, Port => $port ],
        [ 'all as options, Port first',    Port => $port, Host => $host ],
        [ 'all as options, Timeout first', Timeout => 60, Host => $host, Port => $port ],
        [ 'a list of one host',            [$host], $port ],
        [ 'a list as an option',           Host => [$host], Port => $port ],
        [ 'unknown options',               $host, $port, Helo => 'x', Whatever => 1 ],
        [ 'all as options, an unknown one first', Helo => 'x', Host => $host, Port => $port ],
        [ 'all as options, one of TLS first', SSL_verify_mode => 0, Host => $host, Port => $port ],
        [ 'LocalAddr with a port',         $host, $port, LocalAddr => "$host:0" ],
    );
    for my $form (@forms) {
        my ($name, @args) = @$form;
        my $lmtp;
        my @warnings = warnings_of { $lmtp = Net::LMTP->new(@args) };
        isa_ok($lmtp, 'Net::LMTP', "$name:") or diag $@;
        is_deeply(\@warnings, [], "$name: no warning");
        is($lmtp && $lmtp->host, '127.0.0.1', "$name: host");
    }
}

{
    my $server = ScriptedServer->new(script => $session, listen => 'unix');
    my $path = $server->path;
    my @forms = (
        [ 'PATH',                 $path ],
        [ 'PATH, undef',          $path, undef ],
        [ 'PATH, options',        $path, Timeout => 60 ],
        [ 'PATH, undef, options', $path, undef, Timeout => 60, Hello => 'me.example' ],
        [ 'PATH, PORT',           $path, 24 ],
        [ 'path as an option',    Host => $path ],
        [ 'a list with a path',   [ '/nonexistent/socket', $path ], undef ],
    );
    for my $form (@forms) {
        my ($name, @args) = @$form;
        my $lmtp;
        my @warnings = warnings_of { $lmtp = Net::LMTP->new(@args) };
        isa_ok($lmtp, 'Net::LMTP', "$name:") or diag $@;
        is_deeply(\@warnings, [], "$name: no warning");
        is($lmtp && $lmtp->host, $path, "$name: host");
        ok($lmtp && defined fileno($lmtp) && $lmtp->opened, "$name: has a descriptor");
        ok($lmtp && $lmtp->quit, "$name: speaks");
    }
}

# A port behind the host, as IO::Socket takes it: it goes before one that is given apart.
{
    my $server = ScriptedServer->new(script => $session);
    my $place = join ':', $server->args;
    for my $form ([$place], [ $place, 1 ], [ Host => $place ], [ [$place], undef ]) {
        my @warnings = warnings_of { ok(Net::LMTP->new(@$form), 'the port behind the host: ' . @$form . ' arguments') or diag $@ };
        is_deeply(\@warnings, [], '... without a warning');
    }
}

# --- missing arguments ---

for my $case (
    [ 'nothing',              qr/^Net::LMTP:new - no host specified/ ],
    [ 'an undefined host',    qr/^Net::LMTP:new - no host specified/, undef, 24 ],
    [ 'only a Port option',   qr/^Net::LMTP:new - no host specified/, Port => 24 ],
    [ 'no port',              qr/^Net::LMTP:new - no port specified/, '127.0.0.1' ],
    [ 'an undefined port',    qr/^Net::LMTP:new - no port specified/, '127.0.0.1', undef ],
    [ 'options but no port',  qr/^Net::LMTP:new - no port specified/, '127.0.0.1', Timeout => 5 ],
    [ 'Host option, no port', qr/^Net::LMTP:new - no port specified/, Host => '127.0.0.1' ],
) {
    my ($name, $warning, @args) = @$case;
    my $lmtp = 'unset';
    my @warnings = warnings_of { $lmtp = Net::LMTP->new(@args) };
    is($lmtp, undef, "$name: undef");
    is(scalar @warnings, 1, "$name: one warning");
    like($warnings[0], $warning, "$name: it says what is missing");
}

# --- what it is ---

{
    my ($lmtp, $server) = session();
    isa_ok($lmtp, $_) for 'Net::Cmd', 'IO::Socket', 'IO::Handle',
        eval { require IO::Socket::IP; 1 } ? 'IO::Socket::IP' : 'IO::Socket::INET';
    is(Scalar::Util::reftype($lmtp), 'GLOB', 'a glob');
    ok(defined fileno($lmtp), 'fileno, the builtin');
    is($lmtp->fileno, fileno($lmtp), 'fileno, the method');
    is($lmtp->peerhost, '127.0.0.1', 'peerhost');
    is($lmtp->peerport, $server->port, 'peerport');
    is($lmtp->sockhost, '127.0.0.1', 'sockhost');
    is_deeply([ IO::Select->new($lmtp)->can_write(0) ], [$lmtp], 'IO::Select takes it');
    is_deeply([ IO::Select->new($lmtp)->can_read(0) ], [], '... and nothing is left to read');
    ok(unpack('i', getsockopt $lmtp, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY()), 'TCP_NODELAY is set');
    is($lmtp->timeout, 120, 'Timeout is 120 by default');
    ok($lmtp->opened, 'opened');
    ok($lmtp->close, 'close');
    ok(!$lmtp->opened, '... closes');
    ok($server->await('eof'), '... the link');
    is(wire($server), '', '... without a QUIT');
}

# --- options ---

{
    my $server = ScriptedServer->new(script => $session);
    my @args = $server->args;
    my $lmtp = Net::LMTP->new(@args, Hello => 'my.mail.domain');
    is($server->received, "LHLO my.mail.domain\r\n", 'Hello is what LHLO says');

    is(Net::LMTP->new(@args, Timeout => 7)->timeout, 7, 'Timeout');
    is(Net::LMTP->new(@args, Timeout => undef)->timeout, 120, 'Timeout => undef is 120');
    is(Net::LMTP->new(@args, Timeout => 2.5)->timeout, 2.5, 'Timeout takes fractions');
    ok(!Net::LMTP->new(@args, Timeout => 0)->timeout, 'Timeout => 0 is no limit');
    ok(Net::LMTP->new(@args, Timeout => 0)->_NOOP, '... and the session works');

    is(Net::LMTP->new(@args)->debug, 0, 'Debug is off by default');
    my $level;
    like(stderr_of { $level = Net::LMTP->new(@args, Debug => 1)->debug }, qr/>>> LHLO/, 'Debug => 1 shows the dialogue');
    is($level, 1, '... and is the level');

    $lmtp = Net::LMTP->new(@args, SendHello => 0);
    is($server->received, '', 'SendHello => 0 says nothing');
    is($lmtp->supports('PIPELINING'), undef, '... and knows of no extension');
    ok($lmtp->hello('later.example'), '... and hello can follow');
    is($server->received, "LHLO later.example\r\n", '... with its own name');
    $lmtp = Net::LMTP->new(@args, SendHello => 1, Hello => 'now.example');
    is($server->received, "LHLO now.example\r\n", 'SendHello => 1 says it');
}

SKIP: {
    skip 'other loopback addresses are a Linux thing', 4 if $^O ne 'linux';
    my $server = ScriptedServer->new(script => $session);
    my $lmtp = Net::LMTP->new($server->args, LocalAddr => '127.0.0.3');
    is($lmtp && $lmtp->sockhost, '127.0.0.3', 'LocalAddr');

    $lmtp = Net::LMTP->new([ '127.0.0.2', '127.0.0.1' ], $server->port);
    ok($lmtp, 'hosts are tried in order') or diag $@;
    is($lmtp && $lmtp->host, '127.0.0.1', '... and host is the one that took the connection');

    # A port that was free a moment ago may not be now.
    my ($wanted, $got);
    for (1 .. 5) {
        ($wanted, my $held) = ScriptedServer->refusing_port;
        close $held;
        $lmtp = Net::LMTP->new($server->args, LocalPort => $wanted) or next;
        $got = $lmtp->sockport;
        last;
    }
    is($got, $wanted, 'LocalPort');
}

SKIP: {
    skip 'no IPv6 here', 6 if !ScriptedServer->has_ipv6;
    skip 'no IO::Socket::IP, whose methods tell a peer of IPv6', 6 if !Net::LMTP->can_inet6;
    my $server = ScriptedServer->new(script => $session, listen => 'ipv6');
    my $lmtp = Net::LMTP->new('::1', $server->port);
    ok($lmtp, 'IPv6') or diag $@;
    is($lmtp && $lmtp->peerhost, '::1', '... and its peerhost');
    ok($lmtp && $lmtp->quit, '... speaks');
    for my $key (qw(Domain Family)) {
        ok(Net::LMTP->new('::1', $server->port, $key => AF_INET6), "$key => AF_INET6");
    }
    ok(!Net::LMTP->new('::1', $server->port, Family => AF_INET), 'Family => AF_INET has no ::1');
}

for my $key (qw(Domain Family)) {
    my $server = ScriptedServer->new(script => $session);
    ok(Net::LMTP->new($server->args, $key => AF_INET), "$key => AF_INET");
}

# --- failures: an empty list, the reason in $@ ---

for my $case (
    [ 'greeting 554',          qr/554.*go away/, reply => '554 go away' ],
    [ 'greeting 421',          qr/421/, reply => '421 later' ],
    [ 'LHLO refused',          qr/550.*not you/, reply => '220 hi', expect => qr/^LHLO/, reply => '550 not you' ],
    [ 'closed at once',        qr/./, close => undef ],
    [ 'closed at LHLO',        qr/./, reply => '220 hi', expect => qr/^LHLO/, close => undef ],
    [ 'reset at once',         qr/./, reset => undef ],
    [ 'closed inside a reply', qr/./, send => "220-hi\r\n220 x", close => undef ],
    [ 'a greeting of another protocol', qr/./, reply => 'SSH-2.0-OpenSSH', close => undef ],
) {
    my ($name, $reason, @script) = @$case;
    my $server = ScriptedServer->new(script => \@script);
    $@ = '';
    my ($lives, @got);
    { local $@; $lives = eval { @got = Net::LMTP->new($server->args); 1 } }
    ok($lives, "$name: does not die");
    is(scalar @got, 0, "$name: a bare return");
    Net::LMTP->new($server->args);
    like($@, $reason, "$name: the reason is in \$\@");
    is_deeply([ $server->problems ], [], "$name: nothing else was said");
}

{
    my ($port, $held) = ScriptedServer->refusing_port;
    my @got = Net::LMTP->new('127.0.0.1', $port);
    my ($reason, $errno) = ($@, 0 + $!);
    is(scalar @got, 0, 'refused: a bare return');
    is($errno, ECONNREFUSED, '... ECONNREFUSED in $!');
    like($reason, qr/./, '... a reason in $@');
    @got = Net::LMTP->new([ '127.0.0.1', '/nonexistent/socket' ], $port);
    is(scalar @got, 0, 'none of a list takes it: a bare return');
    like($@, qr/./, '... a reason in $@');
}

# --- classes ---

{
    package Sub::Plain;
    our @ISA = ('Net::LMTP');

    package Sub::Other;
    our @ISA = ('Net::LMTP');

    package Sub::Own;
    our @ISA = ('Net::LMTP');
    sub new {
        my ($class, @args) = @_;
        my $self = $class->SUPER::new(@args) or return;
        ${*$self}{own_key} = 'kept';
        return bless $self, 'Sub::Other';
    }
}

{
    my $server = ScriptedServer->new(script => $session, listen => 'unix');
    my $lmtp = Sub::Plain->new($server->args);
    is(ref $lmtp, 'Sub::Plain', 'a subclass makes its own');
    $lmtp->quit;
    my $another = $lmtp->new($server->args);
    is(ref $another, 'Sub::Plain', 'new on an object makes another of its class');
    isnt($another, $lmtp, '... not itself');
    $another->quit;
    $lmtp = Sub::Own->new($server->args);
    is(ref $lmtp, 'Sub::Other', 'a new that re-blesses');
    is(${*$lmtp}{own_key}, 'kept', '... and keeps things in the glob');
    ok($lmtp->_NOOP, '... speaks');
}

# ---- what Net::QMTP has as well

{
    my ($lmtp) = session(NOOP => '451 not now');
    is($lmtp->is_connected, 1, 'is_connected');
    is($lmtp->last_error, '', 'last_error: none');
    $lmtp->_NOOP;
    is($lmtp->last_error, '451 not now', 'last_error');
    $lmtp->close;
    is($lmtp->is_connected, 0, 'is_connected: no more');
}

done_testing;
