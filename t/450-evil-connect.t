# Hosts that don't resolve, ports that refuse, Timeouts that are none: new fails, and says so.

use strict;
use warnings;

use Errno qw(ECONNREFUSED ENOENT);
use File::Spec;
use IO::Socket::INET;
use Net::QMTP;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

my ($refusing, $held) = ScriptedServer->refusing_port;

# Sets up stale values, so that what is seen was set by this call.
sub failure_of {
    my (@args) = @_;
    my ($lives, $reason, $errno, @got);
    my @warnings = warnings_of {
        $@ = 'stale';
        $! = 0;
        @got = Net::LMTP->new(@args);
        ($reason, $errno) = ($@, 0 + $!);
        $lives = 1;
    };
    is_deeply(\@got, [], '... a bare return');
    is_deeply(\@warnings, [], '... no warning');
    isnt($reason, 'stale', '... a reason in $@');
    isnt($reason, '', '... which is not empty');
    return ($reason, $errno);
}

for my $host ('no-such-host.invalid', 'two words', '127.0.0.1.5.6', "127.0.0.1\0.example", "a\nb", 'x' x 5000) {
    my $label = length $host > 50 ? 'a very long host' : $host;
    $label =~ s/[^ -~]/?/g;
    pass("host '$label'");
    failure_of($host, 24);
}

for my $port ('no-such-service', '-1', '65536', '99999999999', "24\0", '2 4') {
    (my $label = $port) =~ s/\0/\\0/;
    pass("port '$label'");
    failure_of('127.0.0.1', $port);
}

# A number of more than 16 bits is no port, and not what is left of it modulo 65536.
{
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    my $beyond = $server->port + 65536;
    for my $port ($beyond, "lmtp($beyond)") {
        pass("port '$port'");
        my ($reason) = failure_of('127.0.0.1', $port);
        like($reason, qr/connect to 127\.0\.0\.1 port $beyond: port numbers go from 0 to 65535/, '... which says why');
    }
    pass('a LocalPort that is none');
    my ($reason) = failure_of($server->args, LocalPort => 65536);
    like($reason, qr/port numbers go from 0 to 65535/, '... which says why');
    is($server->connections, 0, 'nobody was reached by it');
}

{
    pass('a port that refuses');
    my (undef, $errno) = failure_of('127.0.0.1', $refusing);
    is($errno, ECONNREFUSED, '... ECONNREFUSED');
    pass('a list of hosts that refuse');
    (undef, $errno) = failure_of([ '127.0.0.1', '127.0.0.1' ], $refusing);
    is($errno, ECONNREFUSED, '... ECONNREFUSED');
    pass('a path where nothing is');
    (undef, $errno) = failure_of('/nonexistent/socket');
    is($errno, ENOENT, '... ENOENT');
    pass('a path that is too long for a socket');
    failure_of('/' . 'x' x 4000);
    pass('a path with a NUL');
    failure_of("/tmp\0/x");
    pass('a path that is a file');
    failure_of(File::Spec->rel2abs(__FILE__));
}

pass('a LocalAddr that is not ours');
failure_of('127.0.0.1', $refusing, LocalAddr => '192.0.2.1');

my $server = ScriptedServer->new(script => ScriptedServer::session());

for my $timeout (-1, -0.5, 'abc', '5 seconds', '', 'nan', 'inf', '-inf', [], "5\n5", "5\n", ' 5') {
    my $label = ref $timeout ? 'a reference' : $timeout;
    $label =~ s/\n/\\n/;
    pass("Timeout => '$label'");
    my ($reason) = failure_of($server->args, Timeout => $timeout);
    like($reason, qr/timeout/i, '... names the option');
}
is($server->connections, 0, 'no connection was made for those');

for my $timeout (0, '0', 0.5e2, '60', '6e1') {
    ok(Net::LMTP->new($server->args, Timeout => $timeout), "Timeout => '$timeout' is one");
}

# new never dies, also where a caller's $SIG{__DIE__} watches.
{
    my $died = 0;
    local $SIG{__DIE__} = sub { $died++ };
    my $lmtp = Net::LMTP->new('127.0.0.1', $refusing);
    is($lmtp, undef, 'a port that refuses, under a __DIE__ handler');
    is($died, 0, '... which is not called');
}

# A name that a NUL would cut short is no name.
{
    my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $@;
    my $qmtp = Net::QMTP->new("127.0.0.1\0x", Port => $listen->sockport);
    ok(!$qmtp && $@ =~ /NUL in the name of a host or a port/, 'Net::QMTP: a NUL in the name of the host') or diag($@);
}

done_testing;
