# Net::QMTP with Blocking => 0, as an event loop drives it: no call waits, and all goes on by advance.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 't/lib';
use DeliveryTest;
use Net::QMTP;
use QMTPServer;

my $large = "0123456789abcde\n" x (1024 * 1024);

# A loop over some clients, with select: runs until none has anything unanswered, or the limit. Calls see before
# each round. Returns how long the longest call of advance took.
sub run_loop {
    my ($clients, $see) = @_;
    my ($end, $longest) = (time + 60, 0);
    while (time < $end) {
        $see->() if $see;
        my ($in, $out, $wait) = ('', '', 10);
        my $busy = 0;
        for my $qmtp (@$clients) {
            my $start = time;
            $busy += $qmtp->advance;
            my $took = time - $start;
            $longest = $took if $took > $longest;
            my $seconds = $qmtp->timeout_in;
            $wait = $seconds if defined $seconds && $seconds < $wait;
            my $fd = $qmtp->fileno;
            defined $fd or next;
            vec($in,  $fd, 1) = 1 if $qmtp->wants_read;
            vec($out, $fd, 1) = 1 if $qmtp->wants_write;
        }
        last if !$busy;
        select $in, $out, undef, $wait;
    }
    return $longest;
}

# ---- what never waits

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer) for 1 .. 2; $peer->stall; $peer->send('2:K1,2:D2,') });
    my $qmtp = QMTPServer::client($server, Blocking => 0, Window => 2);
    is($qmtp->timeout_in, undef, 'timeout_in with nothing in flight');
    ok(!$qmtp->wants_read && !$qmtp->wants_write, '... which wants nothing');
    ok(!eval { $qmtp->deliver(QMTPServer::order(a => 1)); 1 }, 'deliver: croaks');
    like($@, qr/would have to wait.* at \Q$0\E/, '... as it would have to wait');
    ok(!eval { $qmtp->send; 1 }, 'send: croaks');
    is($qmtp->submit(QMTPServer::order(a => 1)), 1, 'submit');
    is($qmtp->submit(QMTPServer::order(a => 2)), 2, 'submit again');
    is($qmtp->submit(QMTPServer::order(a => 3)), undef, 'submit with the window full: undef');
    is($qmtp->collect, undef, 'collect with none finished: undef');
    is($qmtp->in_flight, 2, '... but in flight');
    is($qmtp->advance, 2, 'advance returns how many are unanswered');
    ok($qmtp->wants_read, 'it wants to read');
    cmp_ok($qmtp->timeout_in, '>', 500, 'timeout_in: the wait for an answer');
    like($qmtp->fileno, qr/^\d+$/, 'fileno');
    $server->release;
    run_loop([$qmtp]);
    is($qmtp->advance, 0, 'all answered');
    is(collected($qmtp), '1 250; 2 550', '... and collected');
}

# ---- a server that reads slowly

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { my ($peer) = @_; $peer->stall; QMTPServer::accepts($peer) });
    my $qmtp = QMTPServer::client($server, Blocking => 0);
    my @seen;
    my $start = time;
    $qmtp->submit(QMTPServer::order(ab => $large, Progress => sub { push @seen, $_[0] }));
    $qmtp->advance for 1 .. 3;
    cmp_ok(time - $start, '<', 45, 'nothing waits for a server that does not read');
    ok($qmtp->wants_write, 'it wants to write');
    $server->release;
    run_loop([$qmtp]);
    is(collected($qmtp), '1 250 250', 'it is all sent in the end');
    is($seen[-1], length $large, '... with its progress');
}

# ---- many at once

{
    my @servers = map { QMTPServer->new(sub { QMTPServer::accepts($_[0]) }) } 1 .. 8;
    my @clients = map { QMTPServer::client($_, Blocking => 0) } @servers;
    $_->submit(QMTPServer::order(ab => "first\n")) for @clients;
    my ($sent, $good) = (0, 0);
    # It ends whenever nothing is unanswered, which quick servers reach between two rounds.
    run_loop(\@clients, sub {
        for my $qmtp (@clients) {
            while (my $delivery = $qmtp->collect) { $good++ if $delivery->is_success }
            if ($sent < 200) { $qmtp->submit(QMTPServer::order(ab => "more\n")) and $sent++ }
        }
    }) while $sent < 200;
    for my $qmtp (@clients) { while (my $delivery = $qmtp->collect) { $good++ if $delivery->is_success } }
    is($good, 208, 'several links in one loop');
}

# ---- connecting

{
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server, Blocking => 0, DeferConnect => 1);
    is($qmtp->fileno, undef, 'no link, no fileno');
    $qmtp->submit(QMTPServer::order(a => 1));
    run_loop([$qmtp]);
    is(collected($qmtp), '1 250', 'submit connects');
    $qmtp->disconnect;
    $qmtp->submit(QMTPServer::order(a => 2));
    run_loop([$qmtp]);
    is(collected($qmtp), '2 250', '... again after disconnect');
}

{
    my ($port, $held) = ScriptedServer->refusing_port;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, DeferConnect => 1, Blocking => 0);
    $qmtp->submit(QMTPServer::order(a => 1));
    run_loop([$qmtp]);
    my @results = $qmtp->collect->results;
    is(codes(@results), '450-connect', 'a refused connection: deferrals');
    like($results[0]->message, qr/127\.0\.0\.1.*$port/, '... that say why');
}

SKIP: {
    my ($port, $held) = ScriptedServer->full_port or skip 'connections do not wait here', 6;
    my ($qmtp, $took);
    # What waits takes as long as the first deadline each time; a machine that is busy elsewhere does not.
    for (1 .. 5) {
        $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, DeferConnect => 1, Blocking => 0, ConnectTimeout => 2);
        my $start = time;
        $qmtp->submit(QMTPServer::order(a => 1, Deadline => 1));
        $qmtp->submit(QMTPServer::order(a => 2));
        $qmtp->advance;
        $took = time - $start;
        last if $took < 1;
        $qmtp->disconnect;
    }
    cmp_ok($took, '<', 1, 'connecting: nothing waits');
    ok(defined $qmtp->fileno, '... there is a descriptor to watch');
    ok($qmtp->wants_write && !$qmtp->wants_read, '... for writing');
    cmp_ok($qmtp->timeout_in, '<=', 1, '... until the first deadline');
    run_loop([$qmtp]);
    my @words = map { ($_->results)[0]->message } $qmtp->collect, $qmtp->collect;
    like($words[0], qr/deadline/, '... which ends one delivery');
    like($words[1], qr/connect to/, '... and ConnectTimeout the other');
}

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; $peer->send('1:K,') if QMTPServer::take($peer); $peer->close });
    my $qmtp = QMTPServer::client($server, Blocking => 0);
    for my $n (1 .. 3) {
        $qmtp->submit(QMTPServer::order(a => $n));
        run_loop([$qmtp]);
        like(collected($qmtp), qr/^$n (?:250|450\?)$/, "a server that closes after each answer: message $n");
        $server->await('closed');
    }
}

# ---- time

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer); $peer->stall });
    my $qmtp = QMTPServer::client($server, Blocking => 0, Timeout => 0.4);
    $qmtp->submit(QMTPServer::order(a => 1));
    $qmtp->flush;
    my $start = time;
    cmp_ok($qmtp->timeout_in, '<=', 0.4, 'timeout_in: Timeout');
    run_loop([$qmtp]);
    cmp_ok(time - $start, '<', 20, '... which passes');
    is(collected($qmtp), '1 450?', '... and ends it');
}

# ---- the descriptor's blocking mode is nobody's business

{
    require Fcntl;
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server, Blocking => 0);
    open my $copy, '<&', $qmtp->fileno or die "dup: $!";
    my $before = fcntl($copy, Fcntl::F_GETFL(), 0);
    $qmtp->submit(QMTPServer::order(a => $large));
    run_loop([$qmtp]);
    is(fcntl($copy, Fcntl::F_GETFL(), 0), $before, 'the descriptor keeps its blocking mode');
    ok(!($before & Fcntl::O_NONBLOCK()), '... which is to block');
}

done_testing;
