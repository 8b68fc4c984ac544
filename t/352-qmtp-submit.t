# submit and collect of Net::QMTP: packages back to back, the window, servers that answer once per
# package, deliver behind what is in flight, many packages over one link.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 't/lib';
use DeliveryTest;
use Interrupt;
use Mail::Wire::Sink;
use Memory;
use Net::QMTP;
use QMTPServer;

my $large = "0123456789abcde\n" x (1024 * 1024);

# Takes so many packages, then answers them all: the answers are texts by recipient.
sub answers_late {
    my ($count, @answers) = @_;
    return QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer) for 1 .. $count;
        $peer->mark('has them');
        $peer->send(QMTPServer::netstring(@answers));
    });
}

# ---- order

{
    my $server = answers_late(3, qw(Ka Db Zc));
    my $qmtp = QMTPServer::client($server);
    is($qmtp->collect, undef, 'collect with nothing in flight');
    is_deeply([ map { $qmtp->submit(QMTPServer::order(a => "$_\n")) } 1 .. 3 ], [ 1 .. 3 ], 'submit returns numbers from 1');
    is($qmtp->in_flight, 3, '... in flight');
    my $first = $qmtp->collect;
    isa_ok($first, 'Mail::Wire::Delivery');
    is($first->id . codes($first->results), '1250', 'the first comes first, though nobody has answered before all were sent');
    ok($first->is_success, '... with success');
    is($qmtp->in_flight, 2, '... in flight are those not collected');
    is(collected($qmtp), '2 550; 3 450', 'the others in order');
    is($qmtp->in_flight, 0, '... none left');
    is(join('', map { $_->{message} } QMTPServer::packages($server->received)), "1\n2\n3\n", 'on the wire');
}

# ---- deliver among others

{
    my $server = answers_late(3, qw(K1 D2 K3));
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 2;
    is(($qmtp->deliver(QMTPServer::order(b => 3)))[0]->message, '3', 'deliver behind submits has its own result');
    is($qmtp->in_flight, 2, '... and leaves the others to be collected');
    is(collected($qmtp), '1 250; 2 550', '... with theirs');
    is(($qmtp->results)[0]->message, '2', 'results are those of what was collected last');
}

# ---- the sync calls

{
    my $server = answers_late(2, qw(K1 K2));
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s');
    $qmtp->recipient('a');
    $qmtp->message('sync');
    $qmtp->submit(QMTPServer::order(a => 1));
    ok(!eval { $qmtp->send; 1 }, 'send with deliveries unanswered: croaks');
    like($@, qr/unanswered.* at \Q$0\E/, '... and says why and where');
    $qmtp->submit(QMTPServer::order(a => 2));
    is(collected($qmtp), '1 250; 2 250', '... which harms nobody');
}

{
    my $server = QMTPServer->new(['K1'], ['K2'], ['K3']);
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s');
    $qmtp->recipient('a');
    $qmtp->message('sync');
    is_deeply($qmtp->send, { a => 'success: 1' }, 'send, then ...');
    is(codes($qmtp->deliver(QMTPServer::order(a => 2))), '250', '... deliver, then ...');
    is_deeply($qmtp->send, { a => 'success: 3' }, '... send, over one link');
    is($server->connections, 1, '... one');
}

# ---- flush

{
    my $server = answers_late(2, qw(K1 K2));
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => $_)) for 1 .. 2;
    ok($qmtp->flush, 'flush');
    ok($server->await('has them'), '... sends what was held back');
    is(collected($qmtp), '1 250; 2 250', '... and no more');
    ok($qmtp->flush, 'flush with nothing in flight');
}

# ---- neither side may wait for the other: as qmail-qmtpd, which writes before it reads on, with small buffers

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        while (1) {
            my $count = QMTPServer::take($peer);
            $peer->send(QMTPServer::netstring(map { 'K' . 'x' x 900 } 1 .. $count));
        }
    });
    my $qmtp = QMTPServer::client($server, Window => 10_000, WindowBytes => 100_000_000);
    is(codes($qmtp->deliver(QMTPServer::order(ab => 'first'))), '250 250', 'many answers: the server counts them');
    my $start = time;
    $qmtp->submit(QMTPServer::order('abcdefghij' => 'x' x 3000)) for 1 .. 1000;
    my $done = 0;
    while (my $delivery = $qmtp->collect) { $done += grep { $_->is_success } $delivery->results }
    is($done, 10_000, '... answers are read while packages are written');
    cmp_ok(time - $start, '<', 60, '... never a deadlock');
}

# ---- the window

# Submits until it would have to wait, which a signal tells.
sub accepted_without_answer {
    my (%option) = @_;
    my $data = delete $option{data};
    my $server = QMTPServer::holding(1);
    my $qmtp = QMTPServer::client($server, %option);
    my ($count, $before) = (0, -1);
    # It waits when the count stands still from one look to the next.
    my $waits = sub { my $same = $count == $before; $before = $count; return $same };
    my ($ran, $error) = interrupt($waits, sub { die "waits\n" }, sub { while ($count < 1000) { $qmtp->submit(QMTPServer::order(a => $data)); $count++ } });
    is($error, "waits\n", 'submit waits when the window is full');
    is($qmtp->in_flight, $count, '... nothing is lost by an interrupted submit');
    $server->release;
    is(collected($qmtp), join('; ', map {"$_ 250"} 1 .. $count), '... and all the others arrive');
    return $count;
}

is(accepted_without_answer(data => 'x'), 100, 'Window is 100 by default');
is(accepted_without_answer(data => 'x', Window => 7), 7, 'Window');
is(accepted_without_answer(data => 'x' x 1000, Window => 500, WindowBytes => 20_000), 20, 'WindowBytes');
is(accepted_without_answer(data => 'x' x 30_000, WindowBytes => 20_000), 1, 'one message always fits');
is(accepted_without_answer(data => 'x' x 300_000), 3, 'WindowBytes is 1 MB by default');

for my $case ([ Window => 0 ], [ Window => 'x' ], [ WindowBytes => -1 ], [ StageTimeout => 1 ], [ StageTimeout => { final => 'x' } ],
    [ StageTimeout => { none => 1 } ]) {
    my ($name, $value) = @$case;
    is(Net::QMTP->new('127.0.0.1', DeferConnect => 1, $name => $value), undef, "$name => $value: undef");
    like($@, qr/$name/, '... and $@ says why');
}

# ---- servers that answer once per package: the second answer must never be credited to the first package

# As mailfront: one answer for each package, whatever it is for.
sub answers_once {
    return QMTPServer->new(sub {
        my ($peer) = @_;
        my $n = 0;
        while (1) {
            QMTPServer::take($peer);
            $n++;
            $peer->send(QMTPServer::netstring("K$n"));
        }
    });
}

{
    my $server = answers_once();
    my $qmtp = QMTPServer::client($server, NextReplyTimeout => 0.3);
    $qmtp->submit(QMTPServer::order($_->[0] => $_->[1])) for [ a => 1 ], [ a => 2 ], [ abc => 3 ], [ a => 4 ], [ ab => 5 ], [ a => 6 ];
    is(collected($qmtp), '1 250; 2 250; 3 250 450? 450?; 4 250; 5 250 450?; 6 250',
        'one answer per package: no success that was not given');
    is($server->connections, 3, '... what waits behind such a package goes over another link');
    my @received = map { [ map { $_->{message} } QMTPServer::packages($server->received($_)) ] } 0 .. 2;
    is_deeply(\@received, [ [ 1, 2, 3 ], [ 4, 5 ], [6] ], '... once');
}

{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        $peer->send(QMTPServer::netstring(map {"K$_"} 1 .. QMTPServer::take($peer))) for 1 .. 2;
        QMTPServer::take($peer) for 1 .. 3;
        $peer->send(QMTPServer::netstring(map {"K$_"} 1 .. 5));
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order($_ => $_)) for qw(a ab ab a ab);
    is(collected($qmtp), '1 250; 2 250 250; 3 250 250; 4 250; 5 250 250', 'once it has shown that it counts, packages of several follow each other');
}

# A package of several waits for those before it, one of one for it.
{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        for my $package (1 .. 3) {
            my $count = QMTPServer::take($peer);
            $peer->mark("package $package");
            $peer->stall("answer $package");
            $peer->send(QMTPServer::netstring(('Kok') x $count));
        }
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order($_ => "$_\n")) for qw(a ab c);
    $qmtp->advance;
    $server->await('answer 1');
    $qmtp->advance;
    is(scalar(QMTPServer::packages($server->received)), 1, 'one of several is not sent behind another one');
    $server->release;
    $qmtp->advance until $server->passed('answer 2');
    is(scalar(QMTPServer::packages($server->received)), 2, '... nor another one behind it');
    $server->release;
    $qmtp->advance until $server->passed('answer 3');
    $server->release;
    is(collected($qmtp), '1 250; 2 250 250; 3 250', '... before the answers are there');
}

# ---- the end of the link, by our own hand

{
    my $server = answers_late(9);
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 'x' x 40_000)) for 1 .. 3;
    $qmtp->submit(QMTPServer::order(ab => 'x'));
    ok($qmtp->disconnect, 'disconnect with deliveries in flight');
    like(collected($qmtp), qr/^1 450[?]; 2 450(?:[?]|-body|-connect); 3 450(?:[?]|-body|-connect); 4 450-connect 450-connect$/, '... which can be collected');
}

{
    my $server = QMTPServer->new([], ['K2']);
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 1));
    ok($qmtp->reconnect, 'reconnect with deliveries in flight');
    is(collected($qmtp), '1 450-connect', '... ends them, too');
}

{
    my $server = answers_late(1, 'K1');
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(QMTPServer::order(a => 1));
    my $warning = '';
    local $SIG{__WARN__} = sub { $warning .= $_[0] };
    undef $qmtp;
    ok($server->await('eof'), 'an object that goes closes its link');
    like($warning, qr/\ANet::QMTP: 1 submitted message was unanswered when the object went/, '... and says what goes with it');
}

# ---- many over one link

{
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1);
    my $qmtp = Net::QMTP->new($sink->host, Port => $sink->port) or die $@;
    my $message = "Subject: many\n\n" . "text\n" x 100;
    my ($good, $next, $before) = (0, 1);
    my $collect = sub {
        my $delivery = $qmtp->collect;
        $good++ if $delivery->is_success && $delivery->id == $next++;
        $before = Memory::resident() if $good == 1000;
    };
    for (1 .. 10_000) {
        $qmtp->submit(QMTPServer::order(a => \$message));
        $collect->() while $qmtp->in_flight > 60;
    }
    $collect->() while $qmtp->in_flight;
    is($good, 10_000, '10,000 packages over one link, collected in order');
  SKIP: {
        skip 'memory cannot be measured here', 1 if !defined $before;
        cmp_ok(Memory::resident() - $before, '<', 1024, '... in flat memory');
    }
}

done_testing;
