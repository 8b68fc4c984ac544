# What submit, collect and deliver of Net::QMTP do without a step in Perl is what they do with one.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Interrupt;
use Mail::Wire;
use Mail::Wire::Result;
use Net::QMTP;
use QMTPServer;

sub order { return (From => 's', To => ['a'], Data => @_ ? $_[0] : "text\n") }

sub codes { return join ' ', map { $_->code } @_ }

# Answers when it is released.
sub late {
    return QMTPServer->new(sub {
        my ($peer) = @_;
        QMTPServer::take($peer);
        $peer->stall('has it');
        $peer->send(QMTPServer::netstring('Klate'));
    });
}

# Runs it, and the handler in the middle of it.
sub alarmed {
    my ($handler, $code) = @_;
    my ($ran, $error, @got) = interrupt(sub { 1 }, $handler, $code);
    return @got;
}

# ---- a handler drops the object, or puts another in its place

for my $way (qw(undef another)) {
    my $server = late();
    our $qmtp = QMTPServer::client($server);
    $qmtp->submit(order());
    $qmtp->flush;
    $server->await('has it');
    my ($done) = alarmed(sub { $qmtp = $way eq 'undef' ? undef : Net::QMTP->new('/nonexistent', DeferConnect => 1); $server->release }, sub { $qmtp->collect });
    is(codes($done ? $done->results : ()), '250', "collect, the object dropped meanwhile ($way)");
}

# ---- a message that is not taken is not touched

{
    my $server = late();
    my $qmtp = QMTPServer::client($server, Blocking => 0, Window => 1);
    ok($qmtp->submit(order()), 'the window is full');
    my @pieces = ("one\n", "two\n");
    open my $fh, '<', \"from a handle\n" or die $!;
    is($qmtp->submit(order(sub { shift @pieces })), undef, 'code is not taken');
    is(scalar(@pieces), 2, '... nor asked for a piece');
    is($qmtp->submit(order($fh)), undef, 'a handle is not taken');
    is(tell $fh, 0, '... nor read');
}

# ---- code with a prototype is code

for my $class (qw(qmtp lmtp)) {
    require Mail::Wire::Sink;
    my $sink = Mail::Wire::Sink->new(protocol => $class);
    my $client = Mail::Wire->connect($sink->url) or die $@;
    my @pieces = ("one\n", "two\n");
    is(codes($client->deliver(order(sub () { shift @pieces }))), '250', "code with a prototype, by $class");
    $client->can('quit') ? $client->quit : $client->disconnect;
    (my $body = ($sink->messages)[0]->{data}) =~ s/\r//g;
    is($body, "one\ntwo\n", '... whole');
}

# ---- a wait that ran out closes the link at once, and says so

{
    my $server = late();
    my $qmtp = QMTPServer::client($server, Timeout => 0.1);
    $qmtp->submit(order());
    is(codes($qmtp->collect->results), '450', 'a wait that ran out');
    isnt($qmtp->error, '', '... error says so');
    is($qmtp->fileno, undef, '... the link is closed');
}

# ---- error is of now

{
    my $server = QMTPServer->new(['K'], ['K']);
    my $qmtp = QMTPServer::client($server);
    for my $method (qw(deliver submit)) {
        $qmtp->sender(undef);
        $qmtp->send;
        is($qmtp->error, 'send: no sender', 'an error');
        $qmtp->$method(order());
        is($qmtp->error, '', "... is over with the next $method");
        $qmtp->collect if $method eq 'submit';
    }
}

# ---- a connection that fails is nothing

is(scalar(my @none = Mail::Wire->connect('qmtp:///nonexistent/socket')), 0, 'connect fails with the empty list');

# ---- one line is one line

{
    my $server = QMTPServer->new(["Kone\rtwo\e[2J\nthree"]);
    my $qmtp = QMTPServer::client($server);
    my ($result) = $qmtp->deliver(From => 's', To => ["a\@x>: success\n<b\@x"], Data => "x\n");
    is($result->recipient, "a\@x>: success\n<b\@x", 'a recipient with a line end in it');
    is($result->as_string, '<a@x>: success\x0a<b@x>: success (final) 250 one\x0dtwo\x1b[2J three', '... is shown on one line');
}

done_testing;
