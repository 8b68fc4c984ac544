# Signals: handlers that return interrupt nothing, and SIGPIPE never comes.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

# Runs the code under a timer that fires every millisecond. Returns how often its handler ran.
sub storm (&) {
    my ($code) = @_;
    my $count = 0;
    local $SIG{ALRM} = sub { $count++ };
    setitimer(ITIMER_REAL, 0.001, 0.001);
    my $whole = eval { $code->(); 1 };
    my $error = $@;
    setitimer(ITIMER_REAL, 0);
    die $error if !$whole;
    return $count;
}

my @slow = (trickle => "250-one\r\n250-two\r\n250 three\r\n");

for my $kind (qw(ipv4 unix)) {
    my $server = ScriptedServer->new(listen => $kind, script => [
        trickle => "220 server.example\r\n", expect => qr/^LHLO/, trickle => "250-server.example\r\n250 PIPELINING\r\n",
        expect => qr/^MAIL/, @slow, (expect => qr/^RCPT/, @slow) x 3, expect => 'DATA', trickle => "354 go\r\n", data => undef,
        trickle => "250 one\r\n450-two\r\n450 more\r\n250 three\r\n", expect => 'QUIT', trickle => "221 bye\r\n" ]);
    my ($lmtp, @steps);
    my $count = storm {
        $lmtp = Net::LMTP->new($server->args, Hello => 'me') or die "$kind: new: $@";
        push @steps, scalar $lmtp->mail('a@x'), scalar $lmtp->to('b@x', 'c@x', 'd@x'), scalar $lmtp->data;
        push @steps, scalar $lmtp->datasend("line $_\n") for 1 .. 1000;
        push @steps, !$lmtp->dataend;
        push @steps, scalar $lmtp->quit;
    };
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x deferral 450 final', 'd@x success 250 final' ],
        "$kind: results under signals");
    is(scalar(grep { !$_ } @steps), 0, "$kind: no call was interrupted");
    is(scalar @steps, 1005, "$kind: all of them");
    is($server->received, join('', "LHLO me\r\nMAIL FROM:<a\@x>\r\n", map({ "RCPT TO:<$_\@x>\r\n" } qw(b c d)), "DATA\r\n",
        map({ "line $_\r\n" } 1 .. 1000), ".\r\nQUIT\r\n"), "$kind: every byte once");
    is_deeply([ $server->problems ], [], "$kind: as the server sees it");
}

# A wait that many signals fall into: the reply comes after a hundred of them.
{
    my ($lmtp, $server) = script(expect => 'NOOP', stall => undef, reply => '250 ok');
    my $left = 100;
    local $SIG{ALRM} = sub { $server->release if --$left == 0 };
    setitimer(ITIMER_REAL, 0.001, 0.001);
    ok($lmtp->_NOOP, 'a reply that comes after a hundred signals');
    setitimer(ITIMER_REAL, 0);
    cmp_ok($left, '<=', 0, '... whose handlers ran inside the wait');
    is($lmtp->code, 250, '... its code');
}

# Signals don't make a wait longer without end either.
{
    my ($lmtp, $server) = script(expect => 'NOOP', stall => undef);
    $lmtp->timeout(0.3);
    my $result;
    my $count = storm { $result = $lmtp->_NOOP };
    ok(!$result, 'a Timeout runs out under signals');
    is($lmtp->message, '[Net::LMTP] Timeout', '... as one');
    cmp_ok($count, '>', 0, '... whose handlers ran');
}

# A large message through a small buffer.
{
    my ($lmtp, $server) = session({ server => { rcvbuf => 4096 } });
    my $text = join '', map { "$_\n" } 1 .. 600_000;
    my $fine;
    my $count = storm { $fine = $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data($text) };
    ok($fine, 'a large message under signals');
    $text =~ s/\n/\r\n/g;
    my $sent = wire($server);
    ok($sent eq "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n$text.\r\n", '... every byte once');
}

# --- SIGPIPE ---

my $pipes = 0;
for my $handler ('DEFAULT', sub { $pipes++ }) {
    local $SIG{PIPE} = $handler;
    my $label = ref $handler ? 'a handler' : 'the default';
    for my $kind (qw(ipv4 unix)) {
        for my $end (qw(close reset)) {
            my ($lmtp, $server) = script({ server => { listen => $kind } },
                (expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go', $end => undef);
            $lmtp->mail('a@x');
            $lmtp->to('b@x');
            $lmtp->data;
            $server->await('closed');
            for (1 .. 50) {
                $lmtp->datasend('x' x 100_000);
                $lmtp->flush;
            }
            ok(!$lmtp->datasend("x\n"), "$label, $kind, $end: datasend");
            ok(!$lmtp->dataend, '... dataend');
            ok(!$lmtp->_NOOP, '... a command');
            $lmtp->quit;
            pass('... and we are still here');

            ($lmtp, $server) = script({ server => { listen => $kind } }, $end => undef);
            $server->await('closed');
            $lmtp->command('NOOP') for 1 .. 5;
            $lmtp->flush;
            $lmtp->rawdatasend('x' x 100_000) for 1 .. 5;
            $lmtp->quit;
            pass('... with commands too');
        }
    }
}
is($pipes, 0, 'no SIGPIPE');

# Our handling of it is not the caller's.
{
    local $SIG{PIPE} = sub { $pipes++ };
    pipe(my $reader, my $writer) or die "pipe: $!";
    binmode $writer;
    my ($lmtp, $server) = session();
    $lmtp->_NOOP;
    close $reader;
    syswrite $writer, 'x';
    is($pipes, 1, 'a SIGPIPE of the caller\'s own still comes');
}

done_testing;
