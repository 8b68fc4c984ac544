# Deliveries of Net::QMTP over links that fail: each recipient has one honest result, whatever was sent or answered. What
# was not begun goes over another link, once.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

# Older perls say so of what is local, too.
no warnings 'redefine';

use lib 't/lib';
use DeliveryTest;
use Interrupt;
use Net::QMTP;
use QMTPServer;

# More than any socket takes unread.
my $large = "0123456789abcde\n" x (1024 * 1024);

my $pipes = 0;
$SIG{PIPE} = sub { $pipes++ };

# ---- the link dies after each byte of the answers to three packages that were sent whole

my $answers = QMTPServer::netstring('Kone', 'Dtwo', 'Zthree');
my @whole = ([ 7, '250' ], [ 14, '550' ], [ 23, '450' ]);
for my $length (0 .. length $answers) {
    my $server = QMTPServer::saying(3, substr($answers, 0, $length), 'close');
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 3;
    my $expected = join '; ', map { ($_ + 1) . ' ' . ($length >= $whole[$_][0] ? $whole[$_][1] : '450?') } 0 .. 2;
    is(collected($qmtp), $expected, "closed after $length bytes of answers");
}

# ---- the server goes after each byte of packages: what it has not read is not delivered, and what was not sent goes
# to the next one. Each message arrives once, or its result says that it may have.

for my $bytes (0 .. 75) {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        if (!$peer->{recorded} || @{ $peer->{recorded} } == 1) {
            $peer->bytes($bytes) if $bytes;
            QMTPServer::hang_up($peer);
        }
        else { QMTPServer::accepts($peer) }
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => "message $_\n")) for 1 .. 3;
    my $got = collected($qmtp);
    my $good = $got =~ /^1 (?:450\?|250); 2 (?:450\?|250); 3 (?:450\?|250)$/;
    my %arrived;
    $arrived{ $_->{message} }++ for grep { !$_->{rest} } QMTPServer::packages($server->received);
    for my $n (1 .. 3) {
        my $accepted = $got =~ /$n 250/ ? 1 : 0;
        $good &&= $accepted == ($arrived{"message $n\n"} || 0) if $server->connections > 1;
    }
    ok($good, "gone after $bytes bytes of packages") or diag($got);
}

# ---- the link dies while a package is written

my %ends = QMTPServer::ends();
for my $name (sort keys %ends) {
    my $first = 1;
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        return QMTPServer::accepts($peer) if !$first;
        $first = 0;
        QMTPServer::sip($peer);
        $ends{$name}->($peer);
    });
    my $qmtp = QMTPServer::client($server, WindowBytes => 1e8);
    $qmtp->submit(QMTPServer::order(a => $_)) for $large, 2, 3;
    is(collected($qmtp), '1 450-body; 2 250; 3 250', "$name while writing: surely not accepted; those behind go over another link");
    is($server->connections, 2, "$name while writing: another link");
    is_deeply([ map { $_->{message} } QMTPServer::packages($server->received(1)) ], [ 2, 3 ], "$name while writing: with what was not begun");
}

# ---- answers that are none

for my $case (QMTPServer::bad_answers()) {
    my ($name, $says, $expected, $error) = @$case;
    my $server = QMTPServer::saying(2, $says);
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => $_)) for 1, 2;
    is(collected($qmtp), "1 $expected->[0]; 2 $expected->[1]", "$name: results");
    my $told = $qmtp->error;
    $qmtp->submit(QMTPServer::order(b => 3));
    $qmtp->flush;
    like($told . $qmtp->error, qr/$error/, "$name: error");
    ok($server->await('eof'), "$name: the link is closed");
    $qmtp->disconnect;
}

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        QMTPServer::sip($peer);
        $peer->send('4:Kone,4:Ktwo,');
        $peer->stall;
    });
    my $qmtp = QMTPServer::client($server);
    is(codes($qmtp->deliver(QMTPServer::order(ab => $large))), '450-body 450-body', 'an answer to a package that is not whole is credited to nobody');
    like($qmtp->error, qr/whose end has not been sent/, '... and told');
    $server->release;
}

{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        $peer->send('4:Kone,') if QMTPServer::take($peer);
        $peer->stall('idle');
        $peer->send('4:Ktwo,');
        $peer->mark('said more');
        QMTPServer::accepts($peer);
    });
    my $qmtp = QMTPServer::client($server);
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '250', 'a good package');
    $server->release;
    $server->await('said more');
    $qmtp->submit(QMTPServer::order(b => 2));
    $qmtp->flush;
    is((() = QMTPServer::packages($server->received(0))), 1, 'an answer before the next package is not its answer: nothing is sent over that link');
    like($qmtp->error, qr/no package asked for|whose end has not been sent/, '... and it is told why');
}

# ---- links that are closed already

{
    my $links = 0;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        $peer->send('3:Kok,') if QMTPServer::take($peer);
        $peer->close;
        $peer->mark('end of ' . ++$links);
    });
    my $qmtp = QMTPServer::client($server);
    for my $n (1 .. 3) {
        is(codes($qmtp->deliver(QMTPServer::order(a => $n))), '250', "a server that closes after its answer: message $n");
        $server->await("end of $n");
    }
    is($server->connections, 3, '... each over a link of its own');
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 3;
    like(collected($qmtp), qr/^4 250; 5 (?:250|450\?); 6 (?:250|450\?)$/, '... several at once: what was on its way is lost, perhaps');
}

{
    my $server = QMTPServer->new(sub { QMTPServer::hang_up($_[0]) });
    my $qmtp = QMTPServer::client($server);
    my @results = $qmtp->deliver(QMTPServer::order(ab => $large));
    like(codes(@results), qr/^450-(connect|body) 450-\1$/, 'a server that closes at once: surely not delivered');
    cmp_ok($server->connections, '<=', 2, '... and no more than one more try');
}

{
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server, DeferConnect => 1);
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '250', 'DeferConnect: deliver connects');
    ok($qmtp->disconnect, '... disconnect');
    is(codes($qmtp->deliver(QMTPServer::order(a => 2))), '250', '... deliver connects again');
    $qmtp->disconnect;
    $qmtp->submit(QMTPServer::order(a => 3));
    is(collected($qmtp), '3 250', '... as does submit');
    is($server->connections, 3, '... three links');
}

{
    my ($port, $held) = ScriptedServer->refusing_port;
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, DeferConnect => 1);
    my @results = $qmtp->deliver(QMTPServer::order(ab => 1));
    is(codes(@results), '450-connect 450-connect', 'no connection: deferrals');
    like($results[0]->message, qr/127\.0\.0\.1.*$port/, '... that say why');
    like($qmtp->error, qr/127\.0\.0\.1.*$port/, '... as does error');
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 3;
    is(collected($qmtp), '2 450-connect; 3 450-connect; 4 450-connect', '... for each of several');
}

{
    # On a slow machine the first message may find it old already: then once more with a longer life.
    my ($life, $server, $qmtp) = 0.1;
    local *Net::QMTP::_session_life = sub { $life };
    for (1 .. 8) {
        $life *= 2;
        $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
        $qmtp = QMTPServer::client($server);
        is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '250', 'a young session');
        last if $server->connections == 1;
    }
    select undef, undef, undef, $life + 0.05;
    is(codes($qmtp->deliver(QMTPServer::order(a => 2))), '250', 'an old one');
    is($server->connections, 2, '... is re-opened');
}

{
    my ($life, $server, $qmtp) = 0.3;
    local *Net::QMTP::_session_life = sub { $life };
    for (1 .. 8) {
        $life *= 2;
        $server = QMTPServer->new(sub {
            my ($peer) = @_;
            QMTPServer::take($peer) for 1 .. 2;
            $peer->stall('has two');
            $peer->send('2:K1,2:K2,');
            QMTPServer::accepts($peer);
        });
        $qmtp = QMTPServer::client($server);
        my $begun = time;
        $qmtp->submit(QMTPServer::order(a => $_)) for 1, 2;
        $qmtp->flush;
        last if time - $begun < $life / 2;      # both over the first link
        $qmtp->disconnect;
    }
    $server->await('has two');
    select undef, undef, undef, $life + 0.1;
    $qmtp->submit(QMTPServer::order(a => 3));
    $server->release;
    is(($qmtp->collect->results)[0]->message . ($qmtp->collect->results)[0]->message, '12', 'a session that grows old in flight: its answers are waited for');
    $qmtp->flush;

    # Connected is not yet accepted: the server needs its turn.
    for (1 .. 200) { last if $server->connections == 2; select undef, undef, undef, 0.05 }
    is($server->connections, 2, '... before what follows goes over another one');
    $qmtp->disconnect;
}

# ---- waits have limits

in_time('no answer', sub {
    my $server = QMTPServer::saying(3, '', 'stall');
    my $qmtp = QMTPServer::client($server, Timeout => 0.2);
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 3;
    is(collected($qmtp), '1 450?; 2 450?; 3 450?', 'no answer: deferrals, they may have been delivered');
});

in_time('no answer in the stage\'s own time', sub {
    my $server = QMTPServer::saying(1, '', 'stall');
    my $qmtp = QMTPServer::client($server, StageTimeout => { final => 0.2 });
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '450?', 'StageTimeout: final');
});

in_time('one answer for two', sub {
    my $server = QMTPServer::saying(1, '4:Kone,', 'stall');
    my $qmtp = QMTPServer::client($server, NextReplyTimeout => 0.2);
    my @results = $qmtp->deliver(QMTPServer::order(ab => 1));
    is(codes(@results), '250 450?', 'one answer for two: the other is a deferral');
    is($results[1]->message, 'timeout: no answer for a further recipient', '... that says why');
});

for my $option ([ Timeout => 0.3 ], [ StageTimeout => { body => 0.3 } ]) {
    in_time("a server that stops reading, $option->[0]", sub {
        my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::sip($_[0]); $_[0]->stall });
        my $qmtp = QMTPServer::client($server, @$option);
        is(codes($qmtp->deliver(QMTPServer::order(a => $large))), '450-body', 'a server that stops reading: surely not accepted');
    });
}

in_time('an answer byte by byte', sub {
    my $server = QMTPServer::trickling();
    my $qmtp = QMTPServer::client($server, Timeout => 0.5);
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '450?', 'the bytes of one answer share one wait');
});

in_time('Deadline', sub {
    my $server = QMTPServer::saying(1, '', 'stall');
    my $qmtp = QMTPServer::client($server);
    my @results = $qmtp->deliver(QMTPServer::order(a => 1, Deadline => 0.3));
    is(codes(@results), '450?', 'Deadline: no answer');
    like($results[0]->message, qr/deadline/, '... and it says so');
    like($qmtp->error, qr/deadline/, '... the error as well');
});

in_time('Deadline while bytes move', sub {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        while (1) { $peer->_wait(read => $peer->{peer}) until sysread $peer->{peer}, my $bytes, 10; select undef, undef, undef, 0.01 }
    });
    # Until there was time enough to begin.
    my ($seconds, $result) = 0.25;
    do {
        $seconds *= 2;
        $result = codes(QMTPServer::client($server)->deliver(QMTPServer::order(a => $large, Deadline => $seconds)));
    } while $result eq '450-connect' && $seconds < 8;
    is($result, '450-body', 'Deadline: a server that reads slowly');
});

in_time('Deadline of one that waits', sub {
    my $server = QMTPServer::holding(1);
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 1));
    is(codes($qmtp->deliver(QMTPServer::order(ab => 2, Deadline => 0.3))), '450-connect 450-connect', 'Deadline: of one that waits behind another');
    $server->release;
    is(collected($qmtp), '1 250', '... costs the other one nothing');
    is(codes($qmtp->deliver(QMTPServer::order(ab => 3))), '250 250', '... and the link goes on');
    is_deeply([ map { $_->{message} } QMTPServer::packages($server->received) ], [ 1, 3 ], '... without it');
});

{
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    # With a longer one where the machine was too slow for it.
    my ($seconds, @got) = 0.15;
    do {
        $seconds *= 2;
        my $qmtp = QMTPServer::client($server, Timeout => $seconds);
        @got = codes($qmtp->deliver(QMTPServer::order(a => 1)));
        select undef, undef, undef, $seconds + 0.1;
        $qmtp->submit(QMTPServer::order(a => 2));
        select undef, undef, undef, $seconds + 0.1;
        push @got, collected($qmtp);
    } while "@got" ne '250 2 250' && $seconds < 5;
    is_deeply(\@got, [ '250', '2 250' ], 'a wait of the caller\'s own is nobody\'s timeout');
}

# ---- signals

# Once the server stalls, with what was submitted before.
sub interrupted {
    my ($server, $code) = @_;
    my ($ran, $error) = interrupt(sub { $server->passed('stall') }, sub { die { why => 'alarm' } }, $code);
    return $ran && ref $error && $error->{why};
}

{
    my $first = 1;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        return QMTPServer::accepts($peer) if !$first;
        $first = 0;
        QMTPServer::take($peer) for 1 .. 2;
        $peer->stall;
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 1));
    is(interrupted($server, sub { $qmtp->deliver(QMTPServer::order(b => 2)) }), 'alarm', 'a handler that dies ends deliver');
    is(codes($qmtp->results), '450?', '... with a result');
    is(collected($qmtp), '1 450?', '... and one for what was in flight, as the link is closed');
    $server->release;
    ok($server->await('eof'), '... which the server sees');
    is(codes($qmtp->deliver(QMTPServer::order(a => 3))), '250', '... but the object lives');
}

{
    my $server = QMTPServer::holding(1);
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 1));
    is(interrupted($server, sub { $qmtp->deliver(QMTPServer::order(bc => 2)) }), 'alarm', 'a handler that dies during deliver, nothing of which was sent');
    is(codes($qmtp->results), '450-connect 450-connect', '... it is not sent');
    is(interrupted($server, sub { $qmtp->collect }), 'alarm', 'a handler that dies ends collect');
    $server->release;
    is(collected($qmtp), '1 250', '... which can be called again');
    is($server->connections, 1, '... over one link');
}

{
    my $test = $$;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        kill 'USR1', $test;
        $peer->stall;
        $peer->send('1:K,');
        QMTPServer::accepts($peer);
    });
    my $qmtp = QMTPServer::client($server);
    my @said;
    local $SIG{USR1} = sub {
        push @said, eval { $qmtp->$_(QMTPServer::order(a => 9)); 1 } ? 'worked' : $@ for qw(deliver submit collect advance flush send);
        $server->release;
    };
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '250', 'other handlers interrupt nothing');
    is(scalar(grep { /another call|unanswered/ } @said), 6, '... and must not begin anything') or diag(@said);
    is($qmtp->submit(QMTPServer::order(a => 2)), 2, '... nothing of it was handed over');
}

{
    my $test = $$;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        kill 'USR1', $test;
        $peer->stall;
    });
    my $qmtp = QMTPServer::client($server);
    local $SIG{USR1} = sub { $qmtp->disconnect; $server->release };
    is(codes($qmtp->deliver(QMTPServer::order(a => 1))), '450?', 'disconnect in a handler ends deliver');
}

is($pipes, 0, 'no SIGPIPE');

done_testing;
