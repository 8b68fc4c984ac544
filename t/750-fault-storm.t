# Whole deliveries of some megabytes under a storm of signals, and die in each call of both classes: nothing is interrupted,
# nothing is sent twice, and the object can be used and dropped.

use strict;
use warnings;

use Digest::SHA ();
use File::Temp ();
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);

use lib 't/lib';
use Interrupt;
use LMTPTest;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

my $size = 6 * 1024 * 1024;
my $text = join '', map {"line $_ of a large message\n"} 1 .. $size / 32;
my $file = File::Temp->new;
print {$file} $text;
$file->flush;

my %sink = map { my ($name, @options) = @$_; $name => Mail::Wire::Sink->new(discard => 1, @options) }
    [ DATA => chunking => 0 ], [ BDAT => () ], [ plain => pipelining => 0, chunking => 0 ], [ QMTP => protocol => 'qmtp' ];
(my $crlf = $text) =~ s/\n/\r\n/g;
my %digest = map { $_ => Digest::SHA::sha256_hex($_ eq 'QMTP' ? $text : $crlf) } keys %sink;

sub client {
    my ($name) = @_;
    return $name eq 'QMTP'
        ? Net::QMTP->new('127.0.0.1', Port => $sink{$name}->port)
        : Net::LMTP->new('127.0.0.1', $sink{$name}->port, Hello => 'me');
}

sub pieces { my @pieces = unpack '(a100000)*', $text; return sub { shift @pieces } }

my %source = (string => sub { (Data => $text) }, file => sub { (File => $file->filename) }, code => sub { (Data => pieces()) });

for my $name (sort keys %sink) {
    my $n = 0;
    for my $kind (sort keys %source) {
        my $count = 0;
        my (@results, @more);
        {
            local $SIG{ALRM} = sub { $count++ };
            setitimer(ITIMER_REAL, 0.001, 0.001);
            my $client = client($name) or die "$name: $@";
            @results = $client->deliver(From => "$kind\@x", To => [ 'a@x', 'b@x' ], $source{$kind}->());
            $client->submit(From => "$kind.more\@x", To => ['c@x'], Data => "short $_\n") for 1 .. 20;
            while (my $delivery = $client->collect) { push @more, $delivery->results }
            setitimer(ITIMER_REAL, 0);
        }
        is(scalar(grep { $_->is_success } @results), 2, "$name, $kind, under signals: delivered");
        is(scalar(grep { $_->is_success } @more), 20, '... so are those behind it');
        my ($message, @others) = grep { $_->{from} eq "$kind\@x" } $sink{$name}->messages;
        is($message && $message->{digest}, $digest{$name}, '... every byte once');
        is(scalar @others, 0, '... and the message once');
    }
}

# ---- a die in each call of Net::QMTP and of the deliveries, then the object is used and goes

sub dies_in {
    my ($server, $code) = @_;
    my ($ran, $error) = interrupt(sub { $server->passed('here') }, sub { die "alarmed\n" }, $code);
    return $ran && $error eq "alarmed\n";
}

my @order = (From => 's@x', To => ['a@x'], Data => "x\n");
my %call = (
    deliver => sub { $_[0]->deliver(@order) },
    collect => sub { $_[0]->submit(@order); $_[0]->collect },
    flush   => sub { $_[0]->submit(@order, Data => 'x' x 30_000_000); $_[0]->flush },
);
for my $name ('deliver', 'collect') {
    my ($lmtp, $server) = script(stall => 'here', close => undef);
    ok(dies_in($server, sub { $call{$name}->($lmtp) }), "LMTP: a handler dies in $name");
    $server->release;
    my @left;
    while (my $delivery = $lmtp->collect) { push @left, $delivery->results }
    is(scalar(grep { $_->is_success } @left, $lmtp->results), 0, '... no success');
    is(($lmtp->deliver(@order))[0]->code, 421, '... the next one finds no link');
    ok(eval { undef $lmtp; 1 }, '... the object goes');
}
for my $name (sort keys %call) {
    my $peer = QMTPServer->new({ rcvbuf => 4096 }, sub { $_[0]->stall('here'); $_[0]->close });
    my $qmtp = QMTPServer::client($peer, Timeout => 5);
    ok(dies_in($peer, sub { $call{$name}->($qmtp) }), "QMTP: a handler dies in $name");
    $peer->release;
    my @left;
    while (my $delivery = eval { $qmtp->collect }) { push @left, $delivery->results }
    is(scalar(grep { $_->is_success } @left, $qmtp->results), 0, '... no success');
    ok(eval { undef $qmtp; 1 }, '... the object goes');
}

for my $method (qw(send reconnect)) {
    my $peer = QMTPServer->new(sub { QMTPServer::take($_[0]) if $method eq 'send'; $_[0]->stall('here'); $_[0]->close });
    my $qmtp = QMTPServer::client($peer, Timeout => 5);
    $qmtp->sender('s@x');
    $qmtp->recipient('a@x');
    $qmtp->message("x\n");
    ok(dies_in($peer, sub { $qmtp->send }), 'QMTP: a handler dies in send');
    $peer->release;
    ok($qmtp->$method || 1, "... $method");
    is(scalar(grep { $_->is_success } $qmtp->results), 0, '... no success');
    $qmtp->disconnect if $qmtp->reconnect;
    ok(eval { undef $qmtp; 1 }, '... the object goes');
}

done_testing;
