# What submit, collect and deliver of Net::QMTP do without a step in Perl is what they do with one.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use Interrupt;
use Mail::Wire::Result;
use Mail::Wire;
use Net::QMTP;
use QMTPServer;

sub order { return (From => 's', To => ['a'], Data => @_ ? $_[0] : "text\n") }

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
    $qmtp->disconnect;
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

# ---- code and lists: what they give, however it comes, and the order as it was when it was given

{
    package Piece;
    use overload '""' => sub { $_[0][0] }, fallback => 1;
}

{
    my $upgraded = "\xe9";
    utf8::upgrade($upgraded);
    my $server = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
    my $qmtp = QMTPServer::client($server, WindowBytes => 1e8);
    my (@to, @want);
    my $pieces = sub { my @left = @_; return sub { @to = (); shift @left } };
    for my $case (
        [ 'nothing'                  => $pieces->(),                             '' ],
        [ 'pieces'                   => $pieces->('a', '', "b\n"),               "ab\n" ],
        [ 'an object among them'     => $pieces->('a', bless(['b'], 'Piece'), 'c'), 'abc' ],
        [ 'octets in the wide form'  => $pieces->('a', $upgraded, 'c'),          "a\xe9c" ],
        [ 'a long text'              => $pieces->(('x' x 50_000) x 3, 'y'),      'x' x 150_000 . 'y' ],
        [ 'one for a file'           => $pieces->(('x' x 500_000) x 3, 'y'),     'x' x 1_500_000 . 'y' ],
        [ 'a list'                   => [ "a\n", "b\n" ],                        "a\nb\n" ],
        [ 'a list in the wide form'  => [ 'a', $upgraded ],                      "a\xe9" ],
        [ 'a list with an object'    => [ 'a', bless(['b'], 'Piece') ],          'ab' ],
        [ 'an empty list'            => [],                                      '' ],
    ) {
        my ($name, $data, $text) = @$case;
        @to = ('a', 'b');
        ok($qmtp->submit(From => 's', To => \@to, Data => $data), "submit: $name");
        push @want, $text;
    }
    while (my $delivery = $qmtp->collect) {
        is(join(' ', map { $_->recipient . $_->code } $delivery->results), 'a250 b250', '... for those who were in the list, delivery ' . $delivery->id);
    }
    my @packages = QMTPServer::packages($server->received);
    is(scalar(grep { $packages[$_]{message} ne $want[$_] } 0 .. $#want), 0, '... all of it');
    is(scalar @packages, scalar @want, '... once');

    @to = ('a', 'b');
    ok(!eval { $qmtp->submit(From => 's', To => \@to, Data => sub { die { why => 'code' } }); 1 }, 'code that dies');
    is_deeply($@, { why => 'code' }, '... takes submit with it');
    is(join(' ', map { $_->code . $_->stage } $qmtp->results), '450body 450body', '... results');
    is($qmtp->in_flight, 0, '... nothing was taken');
    ok(!eval { $qmtp->submit(From => 's', To => \@to, Data => sub { [] }); 1 }, 'code that gives a reference');
    like($@, qr/returned a reference at \Q$0\E line @{[ __LINE__ - 1 ]}/, '... is told, and where');
    ok(!eval { $qmtp->submit(From => 's', To => \@to, Data => sub { "\x{20ac}" }); 1 }, 'code that gives a wide character');
    like($@, qr/Wide character/, '... is told');
}

{
    package Counted;
    sub TIESCALAR { return bless [ $_[1], 0 ] }
    sub FETCH { $_[0][1]++; return $_[0][0] }
}

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
    my $qmtp = QMTPServer::client($server);
    my @given = ('text', sub { return }, ['a']);
    for my $data (@given) {
        tie my $tied, 'Counted', $data;
        ok($qmtp->submit(From => 's', To => ['a'], Data => $tied), 'a tied scalar');
    }
    while (my $delivery = $qmtp->collect) { ok($delivery->is_success, '... is what it says') }
    is_deeply([ map { $_->{message} } QMTPServer::packages($server->received) ], [ 'text', '', 'a' ], '... each');
    local $! = 5;
    $qmtp->submit(From => 's', To => ['a'], Data => sub { $! = 7; return });
    is(0 + $!, 5, 'what code does to $! is not seen');
    $qmtp->collect;
}

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; while (1) { $peer->send(QMTPServer::netstring(('Kok') x QMTPServer::take($peer))) } });
    my $qmtp = QMTPServer::client($server);
    my @pieces = ('a');
    ok($qmtp->submit(From => 's', To => ['a'], Data => sub { $qmtp->disconnect if @pieces; return shift @pieces }), 'code that closes the link');
    is(codes($qmtp->collect->results), '250', '... delivered over another one');
    is($server->connections, 2, '... of two');
}

# ---- a wait that ran out closes the link at once, and says so

{
    my $server = late();
    my $qmtp = QMTPServer::client($server, Timeout => 0.1);
    $qmtp->submit(order());
    is(codes($qmtp->collect->results), '450?', 'a wait that ran out');
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
