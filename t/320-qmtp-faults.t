# Net::QMTP with servers and links that fail, and with signals: each recipient has one honest result.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 't/lib';
use DeliveryTest;
use Interrupt;
use Net::QMTP;
use QMTPServer;

# More than any socket takes unread.
my $large = "0123456789abcde\n" x (1024 * 1024);

my $pipes = 0;
$SIG{PIPE} = sub { $pipes++ };

sub client {
    my ($server, $recipients, %option) = @_;
    my $qmtp = QMTPServer::client($server, %option) or die "connect: $@";
    $qmtp->sender('s');
    $qmtp->recipient($_) for @$recipients;
    $qmtp->message("message\n");
    return $qmtp;
}

sub is_closed {
    my ($qmtp, $name) = @_;
    ok(!$qmtp->is_connected, "$name: the link is closed");
    isnt($qmtp->error, '', "$name: ... and the object knows");
    return;
}

# ---- the link dies after each byte of the answers

my $answers = QMTPServer::netstring('Kone', 'Dtwo');
for my $length (0 .. length $answers) {
    my $server = QMTPServer::saying(1, substr($answers, 0, $length), 'close');
    my $qmtp = client($server, [qw(a b)]);
    my $sent = $qmtp->send;
    my $had  = $length == length $answers ? 2 : $length >= 7 ? 1 : 0;
    is(codes($qmtp->results), ('450? 450?', '250 450?', '250 550')[$had], "closed after $length bytes: results");
    is_deeply($sent, {
        a => $had > 0 ? 'success: one' : 'deferral: connection closed',
        b => $had > 1 ? 'failure: two' : 'deferral: connection closed',
    }, "closed after $length bytes: hash");
    is($qmtp->error, $had == 2 ? '' : 'send: connection closed', "closed after $length bytes: error");
}

{
    my $server = QMTPServer::saying(1, '4:Kone,', 'reset');
    my $qmtp = client($server, [qw(a b)]);
    ok($qmtp->send, 'a reset link');
    like(codes($qmtp->results), qr/^(?:250|450\?) 450\?$/, '... is a lost one');
    is_closed($qmtp, 'reset');
}

# ---- answers that are none

for my $case (QMTPServer::bad_answers()) {
    my ($name, $says, $expected, $error) = @$case;
    my $server = QMTPServer::saying(1, $says);
    my $qmtp = client($server, [qw(a b)]);
    is(ref $qmtp->send, 'HASH', "$name: no die");
    is(codes($qmtp->results), join(' ', @$expected), "$name: results");
    like($qmtp->error, qr/$error/, "$name: error");
    is_closed($qmtp, $name);
    ok($server->await('eof'), "$name: the server sees it");
}

# ---- between packages

{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        $peer->send('4:Kone,');
        $peer->stall('idle');
        $peer->send('4:Ktwo,');
        $peer->mark('said more');
        QMTPServer::take($peer);
    });
    my $qmtp = client($server, ['a']);
    is_deeply($qmtp->send, { a => 'success: one' }, 'a good package');
    $server->release;
    $server->await('said more');
    is($qmtp->send, undef, 'an answer before the next package is not its answer');
    like($qmtp->error, qr/no package asked for/, '... and the link is not to be trusted');
    is((() = QMTPServer::packages($server->received)), 1, '... so nothing was sent');
}

{
    my $server = QMTPServer::saying(1, '4:Kone,', 'close');
    my $qmtp = client($server, ['a']);
    is_deeply($qmtp->send, { a => 'success: one' }, 'a server that closes after its answer');
    ok($server->await('closed'), '... has closed');
    is($qmtp->send, undef, '... which the next send finds out');
    is($qmtp->error, 'send: connection closed', '... and tells');
    is(join(' ', map { $_->as_string } $qmtp->results), '<a>: deferral (connect) 450 connection closed',
        '... nothing of its package having been begun');
}

# ---- while the package is written

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        QMTPServer::sip($peer);
        $peer->send('4:Kone,4:Ktwo,');
        $peer->stall;
    });
    my $qmtp = client($server, [qw(a b)]);
    $qmtp->message($large);
    is($qmtp->send, undef, 'an answer to a package that is not whole is noticed while writing');
    is(codes($qmtp->results), '450-body 450-body', '... and credited to nobody');
    like($qmtp->error, qr/whose end has not been sent/, '... and told');
    $server->release;
    is_closed($qmtp, 'early answer');
}

my %ends = QMTPServer::ends();
for my $name (sort keys %ends) {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::sip($_[0]); $ends{$name}->($_[0]) });
    my $qmtp = client($server, [qw(a b)]);
    $qmtp->message($large);
    is($qmtp->send, undef, "$name while writing: undef");
    is(codes($qmtp->results), '450-body 450-body', "$name while writing: surely not accepted");
    is_closed($qmtp, "$name while writing");
}

is($pipes, 0, 'no SIGPIPE');

# ---- waits have limits

in_time('no answer', sub {
    my $server = QMTPServer::saying(1, '', 'stall');
    my $qmtp = client($server, [qw(a b)], Timeout => 0.2);
    is_deeply($qmtp->send, { a => 'deferral: timeout: no answer', b => 'deferral: timeout: no answer' }, 'no answer: deferrals');
    is(codes($qmtp->results), '450? 450?', 'no answer: they may have been delivered');
    is_closed($qmtp, 'no answer');
});

in_time('one answer for two', sub {
    my $server = QMTPServer::saying(1, '4:Kone,', 'stall');
    my $qmtp = client($server, [qw(a b)], NextReplyTimeout => 0.2);
    is_deeply($qmtp->send, { a => 'success: one', b => 'deferral: timeout: no answer for a further recipient' }, 'one answer for two: the other is a deferral');
    is(codes($qmtp->results), '250 450?', 'one answer for two: results');
    is_closed($qmtp, 'one answer for two');
});

in_time('NextReplyTimeout above Timeout', sub {
    my $server = QMTPServer::saying(1, '4:Kone,', 'stall');
    my $qmtp = client($server, [qw(a b)], NextReplyTimeout => 60, Timeout => 0.2);
    is(ref $qmtp->send, 'HASH', 'NextReplyTimeout never exceeds Timeout');
});

in_time('a server that stops reading', sub {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::sip($_[0]); $_[0]->stall });
    my $qmtp = client($server, ['a'], Timeout => 0.3);
    $qmtp->message($large);
    is($qmtp->send, undef, 'a server that stops reading: undef');
    is($qmtp->error, 'send: timeout: the package could not be sent', '... and an error');
    is(codes($qmtp->results), '450-body', '... surely not accepted');
});

in_time('an answer byte by byte', sub {
    my $server = QMTPServer::trickling();
    my $qmtp = client($server, ['a'], Timeout => 0.5);
    is_deeply($qmtp->send, { a => 'deferral: timeout: no answer' }, 'the bytes of one answer share one wait');
});

{
    my $server = QMTPServer::saying(1, '4:Kone,');
    my $qmtp = client($server, ['a'], Timeout => 0, NextReplyTimeout => 0, ConnectTimeout => 0);
    is_deeply($qmtp->send, { a => 'success: one' }, 'no limits work as well');
}

# ---- signals

{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        $peer->stall('waits') if $peer->{recorded}[-1] !~ /again/;
        $peer->send('4:Kone,');
    });
    my $qmtp = client($server, ['a']);
    my $start = time;
    my ($ran, $error) = interrupt(sub { $server->passed('waits') }, sub { die { why => 'alarm' } }, sub { $qmtp->send });
    ok($ran, 'a handler that dies ends send');
    is_deeply($error, { why => 'alarm' }, '... with what it died of');
    is($qmtp->error, 'interrupted', '... error says so');
    is_deeply([ map { [ $_->code, $_->stage, $_->maybe_delivered ] } @{ $qmtp->results } ], [ [ 450, 'final', 1 ] ], '... results');
    cmp_ok(time - $start, '<', 20, '... at once');
    $server->release;
    ok($server->await('eof'), '... and the link is closed');
    is_closed($qmtp, 'died');
    $qmtp->message("again\n");
    ok($qmtp->reconnect, '... but the object lives');
    is_deeply($qmtp->send, { a => 'success: one' }, '... and sends');
}

# A server that signals the test when it has the package, and answers when the handler has run.
sub signalled {
    my ($handler, $check) = @_;
    my $test = $$;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        kill 'USR1', $test;
        $peer->stall;
        $peer->send('4:Kone,');
    });
    my $qmtp = client($server, ['a']);
    local $SIG{USR1} = sub { $handler->($qmtp); $server->release };
    $check->($qmtp, $qmtp->send, $server);
    return;
}

my $handled = 0;
signalled(sub { $handled++ }, sub {
    my ($qmtp, $sent) = @_;
    is_deeply($sent, { a => 'success: one' }, 'another handler interrupts nothing');
    is($handled, 1, '... and runs during the wait');
});

signalled(sub { $handled = [ $_[0]->send, $_[0]->error ] }, sub {
    my ($qmtp, $sent) = @_;
    is_deeply($handled, [ undef, 'send: no connection' ], 'send in a handler during send: there is no connection for it');
    is_deeply($sent, { a => 'success: one' }, '... and the first goes on');
});

signalled(sub { $handled = $_[0]->disconnect }, sub {
    my ($qmtp, $sent) = @_;
    ok($handled, 'disconnect in a handler during send');
    is_deeply($sent, { a => 'deferral: connection closed' }, '... ends it');
    is(codes($qmtp->results), '450?', '... with honest results');
    is_closed($qmtp, 'disconnect in a handler');
});

signalled(sub { $_[0]->message("more\n" x 1000); $_[0]->recipient('b') }, sub {
    my ($qmtp, $sent, $server) = @_;
    is_deeply($sent, { a => 'success: one' }, 'a handler that changes the message: the package is what it was');
    is_deeply([ QMTPServer::packages($server->received) ],
        [ { eol => "\012", message => "message\n", sender => 's', rcpts => ['a'] } ], '... on the wire too');
    is($qmtp->message, "message\n" . "more\n" x 1000, '... and the message is the changed one');
});

{
    my $test = $$;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        $peer->send('4:Kone,');
    });
    my $qmtp = client($server, ['a']);
    in_child(_exit => sub { undef $qmtp });
    is_deeply($qmtp->send, { a => 'success: one' }, "a forked child's copy goes without a trace");
}

{
    local ($@, $!) = ('before', 1);
    my $server = QMTPServer::saying(1, '4:Kone,');
    eval { my $qmtp = client($server, ['a']); die "reason\n" };
    is($@, "reason\n", 'the destructor leaves $@ alone');
}

done_testing;
