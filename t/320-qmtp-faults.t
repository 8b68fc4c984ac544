# Net::QMTP with servers and links that fail, and with signals: each recipient has one honest result.

use strict;
use warnings;

use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(time);

use lib 't/lib';
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

# A server that takes a package, says this, and does that.
sub server {
    my ($says, $then) = @_;
    return QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        $peer->send($says) if length $says;
        $peer->$then if $then;
    });
}

# The results in short: "450?" may have been delivered, "450-" not.
sub results {
    my ($qmtp) = @_;
    return join ' ', map { $_->code . ($_->maybe_delivered ? '?' : $_->stage eq 'final' ? '' : '-') } $qmtp->results;
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
    my $server = server(substr($answers, 0, $length), 'close');
    my $qmtp = client($server, [qw(a b)]);
    my $sent = $qmtp->send;
    my $had  = $length == length $answers ? 2 : $length >= 7 ? 1 : 0;
    is(results($qmtp), ('450? 450?', '250 450?', '250 550')[$had], "closed after $length bytes: results");
    is_deeply($sent, {
        a => $had > 0 ? 'success: one' : 'deferral: connection closed',
        b => $had > 1 ? 'failure: two' : 'deferral: connection closed',
    }, "closed after $length bytes: hash");
    is($qmtp->error, $had == 2 ? '' : 'send: connection closed', "closed after $length bytes: error");
}

{
    my $server = server('4:Kone,', 'reset');
    my $qmtp = client($server, [qw(a b)]);
    ok($qmtp->send, 'a reset link');
    like(results($qmtp), qr/^(?:250|450\?) 450\?$/, '... is a lost one');
    is_closed($qmtp, 'reset');
}

# ---- answers that are none

my @bad = (
    [ 'an empty answer'          => '0:,',               '450? 450?', 'K, Z and D' ],
    [ 'another letter'           => '4:Xone,',           '450? 450?', 'K, Z and D' ],
    [ 'another letter, later'    => '4:Kone,4:Xtwo,',    '250 450?',  'K, Z and D' ],
    [ 'a reply of SMTP'          => "250 ok\r\n",        '450? 450?', 'not a netstring' ],
    [ 'a leading zero'           => '04:Kone,',          '450? 450?', 'not a netstring' ],
    [ 'a length that is too low' => '4:Kone,3:Dtwo,',    '250 450?',  'not a netstring' ],
    [ 'a length over the limit'  => '4:Done,99999:Ktwo', '550 450?',  'over the limit' ],
    [ 'an answer too many'       => '2:K1,2:D2,2:K3,',   '250 550',   'no command asked for' ],
);
for my $case (@bad) {
    my ($name, $says, $expected, $error) = @$case;
    my $server = server($says);
    my $qmtp = client($server, [qw(a b)]);
    is(ref $qmtp->send, 'HASH', "$name: no die");
    is(results($qmtp), $expected, "$name: results");
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
    like($qmtp->error, qr/no command asked for/, '... and the link is not to be trusted');
    is((() = QMTPServer::packages($server->received)), 1, '... so nothing was sent');
}

{
    my $server = server('4:Kone,', 'close');
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
    is(results($qmtp), '450- 450-', '... and credited to nobody');
    like($qmtp->error, qr/whose end has not been sent/, '... and told');
    $server->release;
    is_closed($qmtp, 'early answer');
}

my %ends = (
    'closed while writing'   => \&QMTPServer::hang_up,
    'reset while writing'    => sub { setsockopt $_[0]{peer}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; QMTPServer::hang_up($_[0]) },
    'finished while writing' => sub { $_[0]->finish },
);
for my $name (sort keys %ends) {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::sip($_[0]); $ends{$name}->($_[0]) });
    my $qmtp = client($server, [qw(a b)]);
    $qmtp->message($large);
    is($qmtp->send, undef, "$name: undef");
    is(results($qmtp), '450- 450-', "$name: surely not accepted");
    is_closed($qmtp, $name);
}

is($pipes, 0, 'no SIGPIPE');

# ---- waits have limits

sub takes_less {
    my ($limit, $name, $code) = @_;
    my $start = time;
    $code->();
    cmp_ok(time - $start, '<', $limit, "$name: in time");
    return;
}

takes_less(20, 'no answer', sub {
    my $server = server('', 'stall');
    my $qmtp = client($server, [qw(a b)], Timeout => 0.2);
    is_deeply($qmtp->send, { a => 'deferral: timeout', b => 'deferral: timeout' }, 'no answer: deferrals');
    is(results($qmtp), '450? 450?', 'no answer: they may have been delivered');
    is_closed($qmtp, 'no answer');
});

takes_less(20, 'one answer for two', sub {
    my $server = server('4:Kone,', 'stall');
    my $qmtp = client($server, [qw(a b)], NextReplyTimeout => 0.2);
    is_deeply($qmtp->send, { a => 'success: one', b => 'deferral: timeout' }, 'one answer for two: the other is a deferral');
    is(results($qmtp), '250 450?', 'one answer for two: results');
    is_closed($qmtp, 'one answer for two');
});

takes_less(20, 'NextReplyTimeout above Timeout', sub {
    my $server = server('4:Kone,', 'stall');
    my $qmtp = client($server, [qw(a b)], NextReplyTimeout => 60, Timeout => 0.2);
    is(ref $qmtp->send, 'HASH', 'NextReplyTimeout never exceeds Timeout');
});

takes_less(20, 'a server that stops reading', sub {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::sip($_[0]); $_[0]->stall });
    my $qmtp = client($server, ['a'], Timeout => 0.3);
    $qmtp->message($large);
    is($qmtp->send, undef, 'a server that stops reading: undef');
    is($qmtp->error, 'send: timeout', '... and an error');
    is(results($qmtp), '450-', '... surely not accepted');
});

takes_less(20, 'an answer byte by byte', sub {
    my $server = server('', sub {
        my ($peer) = @_;
        eval { $peer->send('200:K'); 1 } or return;
        for (1 .. 600) {
            select undef, undef, undef, 0.1;
            eval { $peer->send('x'); 1 } or return;
        }
    });
    my $qmtp = client($server, ['a'], Timeout => 0.5);
    is_deeply($qmtp->send, { a => 'deferral: timeout' }, 'the bytes of one answer share one wait');
});

{
    my $server = server('4:Kone,');
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
    is(results($qmtp), '450?', '... with honest results');
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
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        undef $qmtp;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    is_deeply($qmtp->send, { a => 'success: one' }, "a forked child's copy goes without a trace");
}

{
    local ($@, $!) = ('before', 1);
    my $server = server('4:Kone,');
    eval { my $qmtp = client($server, ['a']); die "reason\n" };
    is($@, "reason\n", 'the destructor leaves $@ alone');
}

done_testing;
