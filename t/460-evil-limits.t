# Limits as their users meet them: below, at and above; and servers that never stop talking.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Memory;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

my $ROOM = 16 * 1024;   # kilobytes that a flood may cost: some limits of 1 MB, doubled as buffers grow

sub line { my ($lead, $length) = @_; return $lead . 'x' x ($length - length $lead) }

# ---- the options MaxReplyLine and MaxReply, by calls and by deliveries

my @replies = (
    # option, its value, what is said, fine
    [ MaxReplyLine => 100, line('250 ', 99),                                                   1 ],
    [ MaxReplyLine => 100, line('250 ', 100),                                                  1 ],
    [ MaxReplyLine => 100, line('250 ', 101),                                                  0 ],
    [ MaxReplyLine => 100, "250-a\r\n" . line('250 ', 101),                                    0 ],
    [ MaxReplyLine => 9000, line('250 ', 9000),                                                1 ],
    [ MaxReply     => 300, join("\r\n", (line('250-', 100)) x 2, line('250 ', 99)),            1 ],
    [ MaxReply     => 300, join("\r\n", (line('250-', 100)) x 2, line('250 ', 100)),           1 ],
    [ MaxReply     => 300, join("\r\n", (line('250-', 100)) x 2, line('250 ', 101)),           0 ],
    [ MaxReply     => 300, line('250 ', 301),                                                  0 ],
    [ MaxReply     => 70_000, join("\r\n", (line('250-', 7000)) x 9, line('250 ', 7000)),      1 ],
);

for my $case (@replies) {
    my ($option, $value, $said, $fine) = @$case;
    my $name = "$option => $value, " . length($said) . ' bytes';
    my @final = ((expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go', data => undef, reply => $said);

    my ($lmtp) = script({ $option => $value }, expect => 'NOOP', reply => $said);
    is(!!$lmtp->_NOOP, !!$fine, "$name: a reply");
    is($lmtp->code, $fine ? 250 : 421, '... its code');
    is(!!$lmtp->opened, !!$fine, '... the link');

    ($lmtp) = script({ $option => $value }, @final);
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    is(!!$lmtp->data("x\n"), !!$fine, "$name: a final reply");
    is_deeply([ map {s/ final.*//s; $_} shown($lmtp->data_results) ], [ $fine ? 'a@x success 250' : 'a@x deferral 421' ], '... its result');

    ($lmtp) = script({ $option => $value }, @final);
    my @results = $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n");
    is_deeply([ shown(@results) ], [ $fine ? 'a@x success 250 final' : 'a@x deferral 421 final maybe' ], "$name: a delivery");
    like($results[0]->message, qr/limit|long/, '... says why') if !$fine;
}

# ---- the length of a command

my $overhead = length 'RCPT TO:<>';
for my $case ([ 12_287, 1 ], [ 12_288, 1 ], [ 12_289, 0 ]) {
    my ($length, $fine) = @$case;
    my $address = 'a' x ($length - $overhead);
    my ($lmtp, $server) = session();
    $lmtp->mail('s@x');
    my $sent = wire($server);
    is(!!$lmtp->to($address), !!$fine, "a command of $length octets");
    is($lmtp->code, $fine ? 250 : 501, '... its code');
    is(wire($server), $fine ? "${sent}RCPT TO:<$address>\r\n" : $sent, '... what is sent');
    ok($lmtp->to('b@x') && $lmtp->data("x\n"), '... the link goes on');
}

# An address of a delivery, without its brackets.
for my $case ([ 999, 1 ], [ 1000, 1 ], [ 1001, 0 ]) {
    my ($length, $fine) = @$case;
    my ($lmtp) = session();
    for my $more ([], [ Progress => sub { } ]) {
        my @results = $lmtp->deliver(From => 's@x', To => [ 'a' x $length, 'b@x' ], Data => "x\n", @$more);
        is_deeply([ map { join ' ', $_->code, $_->stage } @results ], [ $fine ? '250 final' : '553 rcpt', '250 final' ],
            "an address of $length octets, in a delivery");
    }
    my @results = $lmtp->deliver(From => 's' x $length, To => ['a@x'], Data => "x\n");
    is_deeply([ map { join ' ', $_->code, $_->stage } @results ], [ $fine ? '250 final' : '553 mail' ], '... of its sender');
}

# ---- the answers of a QMTP server: 65536 octets

sub answered {
    my ($bytes) = @_;
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer); $peer->send($bytes) });
    my $qmtp = QMTPServer::client($server, Timeout => 20);
    my ($result) = $qmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n");
    return $result;
}

for my $length (65_535, 65_536) {
    my $result = answered(QMTPServer::netstring(line('K', $length)));
    is($result->code, 250, "an answer of $length octets");
    is(length $result->message, $length - 1, '... whole');
}
for my $case (
    [ 'an answer above the limit'        => QMTPServer::netstring(line('K', 65_537)) ],
    [ 'the announcement of one'          => '65537:' ],
    [ 'the announcement of a huge one'   => '99999999999999999999:K' ],
    [ 'a length without end'             => '1' x 100_000 ],
    [ 'a length of zeros'                => '0' x 100_000 ],
) {
    my ($name, $bytes) = @$case;
    my $result = answered($bytes);
    is(join(' ', $result->code, $result->stage, $result->maybe_delivered ? 'maybe' : ''), '450 final maybe', $name);
    like($result->message, qr/netstring|limit|long/, '... says why');
}

# ---- servers that never stop

# What it costs in memory, if that can be told.
sub frugal {
    my ($name, $code) = @_;
    my $before = Memory::resident('VmHWM');
    $code->();
    SKIP: {
        skip 'no way to tell', 1 if !defined $before;
        cmp_ok(Memory::resident('VmHWM') - $before, '<', $ROOM, "$name: memory has a limit");
    }
    return;
}

sub for_ever { my ($peer, $bytes) = @_; my $block = $bytes x (1 + 60_000 / length $bytes); $peer->send($block) while 1 }

my $large = 'x' x 63 . "\n";
$large x= 8 * 16_384;

for my $case ([ 'a line' => 'x' ], [ 'a reply' => "250-more\r\n" ], [ 'replies' => "250 ok\r\n" ], [ 'refusals' => "450 no\r\n" ],
    [ 'empty lines' => "\r\n" ], [ 'NULs' => "\0" ]) {
    my ($what, $bytes) = @$case;
    my @opening = (hello_script('PIPELINING'), (expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go');
    my $flood = sub {
        my ($peer) = @_;
        $peer->_play([@opening]);
        for_ever($peer, $bytes);
    };

    frugal("$what without end, while a message is sent", sub {
        my $lmtp = connect_to(LMTPTest::keep(ScriptedServer->new(script => $flood, rcvbuf => 4096)));
        $lmtp->mail('s@x');
        $lmtp->to('a@x');
        $lmtp->data;
        $lmtp->datasend($large);
        ok(!$lmtp->dataend, "$what without end, while a message is sent: false");
        isnt($lmtp->code, 250, '... by its code');
        is(scalar(grep { $_->is_success } $lmtp->results), 0, '... nobody has a success');
        ok(!$lmtp->mail('s@x'), '... the link is useless');
    });
    frugal("$what without end, in a delivery", sub {
        my $lmtp = connect_to(LMTPTest::keep(ScriptedServer->new(script => $flood, rcvbuf => 4096)));
        my ($result) = $lmtp->deliver(From => 's@x', To => ['a@x'], Data => $large);
        ok(!$result->is_success, "$what without end, in a delivery: no success");
        ok(!$result->maybe_delivered || $result->stage eq 'final', '... no maybe before its end');
        ok(!$lmtp->opened, '... the link is closed');
    });
    frugal("$what without end, on an idle link", sub {
        my $server = LMTPTest::keep(ScriptedServer->new(script => sub { $_[0]->_play([ hello_script() ]); for_ever($_[0], $bytes) }));
        my $lmtp = connect_to($server);
        my ($result) = $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n");
        ok(!$result->is_success, "$what without end, on an idle link: no success");
        ok(!$lmtp->opened, '... the link is closed');
    });
}

for my $case ([ 'digits' => '1' ], [ 'answers' => '2:Ok,' ], [ 'successes' => '3:Kok,' ], [ 'a long answer' => 'K' ]) {
    my ($what, $bytes) = @$case;
    for my $early (0, 1) {
        frugal("QMTP: $what without end", sub {
            my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
                my ($peer) = @_;
                $early ? $peer->bytes(10) : QMTPServer::take($peer);
                $peer->send('65536:') if $bytes eq 'K';
                for_ever($peer, $bytes);
            });
            my $qmtp = QMTPServer::client($server, Timeout => 20);
            my ($result) = $qmtp->deliver(From => 's@x', To => ['a@x'], Data => $early ? $large : "x\n");
            my $fine = !$early && $what eq 'successes';
            is(!!$result->is_success, $fine, "QMTP: $what without end" . ($early ? ', early' : ''));
            ok($early ? $result->stage eq 'body' && !$result->maybe_delivered : $result->stage eq 'final', '... its stage');
        });
    }
}

done_testing;
