# Arguments and states of deliveries that meet: each holds for its own message, and for nothing else.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;

my @keywords = qw(PIPELINING SMTPUTF8 DSN AUTH);
my @binary = qw(PIPELINING CHUNKING BINARYMIME 8BITMIME);

sub client { return Net::LMTP->new($_[0]->host, $_[0]->port, Hello => 'client.example') || die $@ }

# The lines that debug shows while the code runs.
sub shown_by {
    my ($lmtp, $code) = @_;
    $lmtp->debug(1);
    my $text = stderr_of { $code->() };
    $lmtp->debug(0);
    $text =~ s/^Net::LMTP=GLOB\(0x[0-9a-f]+\)//mg;
    return split /\n/, $text;
}

sub texts { return join '; ', map { $_->as_string } @_ }

# ---- an address is encoded once, whatever stands behind it

{
    my ($lmtp, $server) = session({}, keywords => \@keywords);
    my $wide = "\x{142}\@x";
    my %utf8 = (SMTPUTF8 => 1);
    my @results = $lmtp->deliver(From => $wide, To => [ [ $wide, { ORcpt => "utf-8;$wide" } ] ], Data => "x\n", ENVID => "\x{142}", %utf8);
    is($results[0]->recipient, "\xc5\x82\@x", 'a wide address');
    my $line = qr/^MAIL FROM:<\xc5\x82\@x> ENVID=\xc5\x82 SMTPUTF8\r\nRCPT TO:<\xc5\x82\@x> ORCPT=utf-8;\xc5\x82\@x\r\n/m;
    like(wire($server), $line, '... by deliver, with a wide parameter');
    ($lmtp, $server) = session({}, keywords => \@keywords);
    $lmtp->mail($wide, ENVID => "\x{142}", %utf8);
    $lmtp->to($wide, { ORcpt => "utf-8;$wide" });
    like(wire($server), $line, '... by mail and recipient');
}

# ---- what is not offered, or not asked for

{
    my ($lmtp, $server) = session({}, keywords => ['PIPELINING']);
    my @results;
    my @warnings = warnings_of { @results = $lmtp->deliver(From => 's@x', To => [ "\xc5\x82\@x", 'a@x' ], Data => "x\n", SMTPUTF8 => 1) };
    is(scalar(grep {/SMTPUTF8 option not supported/} @warnings), 1, 'SMTPUTF8 where it is not offered carps');
    is_deeply([ shown(@results) ], [ "\xc5\x82\@x failure 553 rcpt", 'a@x success 250 final' ], '... and an address that needs it is not sent');
    is_deeply([ warnings_of { $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n", SMTPUTF8 => 0, XVERP => 0) } ], [], 'off is off');
    unlike(wire($server), qr/SMTPUTF8|XVERP/, '... on the wire');
}

# ---- results are those of the last message

{
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = client($sink);
    $lmtp->mail('s@x');
    $lmtp->to('old@x');
    $lmtp->data("x\n");
    $lmtp->deliver(From => 's@x', To => [ 'new@x', 'bad address' ], Data => "x\n");
    is(texts($lmtp->data_results), '<new@x>: success (final) 250 2.0.0 Delivered', 'data_results behind deliver')
        or diag(texts($lmtp->results));
}

for my $binary ([], [ Bits => 'binary' ]) {
    my ($lmtp) = session({}, keywords => \@binary);
    $lmtp->deliver(From => 's@x', To => ['old@x'], Data => "x\n");
    ok(!eval { $lmtp->deliver(From => 's@x', To => ['new@x'], Data => sub { die "oops\n" }, @$binary); 1 }, "Data that dies, @$binary");
    is($@, "oops\n", '... is heard');
    is_deeply([ shown($lmtp->results) ], ['new@x deferral 421 body'], '... and results are of that message');
}

{
    my $qmtp = QMTPServer::client(my $server = QMTPServer->new(['Kok']));
    ok(!eval { $qmtp->deliver(From => 's', To => ["\x{142}"], Data => sub { die "oops\n" }); 1 }, 'the same of QMTP');
    is(($qmtp->results)[0]->recipient, "\xc5\x82", '... its recipient in octets');
}

# ---- binary is a message's own

{
    my ($lmtp, $server) = session({}, keywords => \@binary);
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    ok(!eval { $lmtp->deliver(From => 's@x', To => ['b@x'], Data => 'x', Bits => 'binary'); 1 }, 'deliver within a message croaks');
    my $done;
    is_deeply([ warnings_of { $done = $lmtp->data("hello\n") } ], [], '... and leaves it as it was');
    ok($done, '... which can be ended');
    $lmtp->deliver(From => 's@x', To => ['b@x'], Data => 'x', Bits => 'binary');
    $lmtp->_MAIL('FROM:<s@x>');
    $lmtp->_RCPT('TO:<a@x>');
    ok($lmtp->data("x\n"), 'a message by hand behind a binary delivery goes by DATA');
}

{
    my ($lmtp) = session({}, keywords => \@binary);
    my ($calls, @errors) = (0);
    my @results = $lmtp->deliver(From => 's@x', To => ['outer@x'], Bits => 'binary', Data => sub {
        return if $calls++;
        push @errors, map { eval { $_->($lmtp); 1 } ? 'returns' : $@ } (
            sub { $_[0]->deliver(From => 's@x', To => ['inner@x'], Data => 'i') }, sub { $_[0]->mail('s@x') }, sub { $_[0]->quit },
        );
        return 'x';
    });
    is((grep { !/^returns/ } @errors), 3, 'calls from the code of a binary Data croak') or diag(@errors);
    is_deeply([ shown(@results) ], ['outer@x success 250 final'], '... and the message arrives');
}

# A handler, while another call waits.
{
    my ($lmtp, $server) = script({ keywords => \@binary }, expect => qr/^NOOP/, stall => 'here', reply => '250 noop');
    my @errors;
    my $handler = sub {
        foreach my $call (sub { $lmtp->deliver(From => 's@x', To => ['a@x'], Bits => 'binary', Data => sub { }) }, sub { $lmtp->mail('s@x') }) {
            push @errors, eval { $call->(); 1 } ? 'returns' : $@;
        }
        $server->release;
    };
    my ($ran, $error, $ok) = interrupt(sub { $server->passed('here') }, $handler, sub { scalar $lmtp->_NOOP });
    ok($ok, 'a call that waits, and a handler that delivers what is binary');
    is((grep {/called while another call on the same object is waiting/} @errors), 2, '... which croaks, as what comes behind it does') or diag(@errors);
    is(wire($server), "NOOP\r\n", '... and sends nothing');
}

# ---- a Progress that dies before its message has begun

{
    my $sink = Mail::Wire::Sink->new(delay => { final => 0.3 }, chunking => 0);
    my $lmtp = client($sink);
    $lmtp->submit(From => 's@x', To => ['first@x'], Data => "x\n");
    $lmtp->flush;
    ok(!eval { $lmtp->deliver(From => 's@x', To => ['second@x'], Data => "y\n", Progress => sub { die "progress\n" }); 1 }, 'a Progress that dies');
    is($@, "progress\n", '... is heard');
    my @second = $lmtp->results;
    is($second[0]->status, 'deferral', '... its message is not delivered');
    my @first = $lmtp->collect->results;
    ok($first[0]->is_success || $second[0]->stage !~ /connect|mail/, '... the one before is, if nothing of it was on its way') or diag(texts(@first, @second));
}

# ---- time

{
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', delay => 0.05);
    my $qmtp = Net::QMTP->new($sink->host, Port => $sink->port, StageTimeout => { final => 1e10 });
    ok(($qmtp->deliver(From => 's', To => ['a'], Data => "x\n"))[0]->is_success, 'more seconds than a clock has');
}

for my $class (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $class);
    my $client = $class eq 'lmtp' ? client($sink) : Net::QMTP->new($sink->host, Port => $sink->port);
    my $calls = 0;
    my @slow = (Data => sub { return if $calls++; select undef, undef, undef, 0.3; return "x\n" });
    my ($result) = $client->deliver(From => 's@x', To => ['a@x'], Deadline => 0.1, @slow);
    is($result->status, 'deferral', "$class: the Deadline counts from the call on");
    is(scalar($sink->messages), 0, '... and nothing was delivered');
}

{
    my $qmtp = QMTPServer::client(my $server = QMTPServer->new(['Kok']));
    pipe my $reader, my $writer or die "pipe: $!";
    binmode $writer;
    $reader->blocking(0);
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        select undef, undef, undef, 0.2;
        syswrite $writer, "later\n";
        require POSIX;
        POSIX::_exit(0);
    }
    close $writer;
    ok(($qmtp->deliver(From => 's', To => ['a'], Data => $reader))[0]->is_success, 'a handle that does not block is waited for');
    waitpid $pid, 0;
}

# ---- Debug

{
    my ($lmtp) = session({}, keywords => ['PIPELINING']);
    my @lines = shown_by($lmtp, sub { $lmtp->deliver(From => 's@x', To => [ 'a@x', "b\n" ], Data => "x\n" x 100) });
    is_deeply(\@lines, [
        '>>> MAIL FROM:<s@x>', '>>> RCPT TO:<a@x>', '>>> DATA', '<<< 250 ok', '<<< 250 ok', '<<< 354 go on', '>>> (200 bytes of content)', '>>> .',
        '>>> LHLO client.example', '<<< 250 delivered', '<<< 250-server.example', '<<< 250 PIPELINING'
    ], 'debug shows the lines of a delivery');
    my @submitted = shown_by($lmtp, sub { $lmtp->submit(From => 's@x', To => ['a@x'], Data => "x\n") });
    is_deeply([ @submitted[ 0 .. 2 ] ], [ @lines[ 0 .. 2 ] ], '... submit shows what it sends');
    my @collected = shown_by($lmtp, sub { $lmtp->collect });
    is_deeply([ @submitted, @collected ], [ @lines[ 0 .. 5 ], '>>> (2 bytes of content)', '>>> .', '<<< 250 delivered' ], '... collect the rest');
    is(stderr_of { $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n") }, '', 'off again');
}

# ---- the caller's code

{
    my ($lmtp) = session({ EagerBody => 1 });
    my $closes = sub { $lmtp->close; return "x\n" };
    my @pieces = (sub { "x\n" }, $closes);
    is_deeply([ shown($lmtp->deliver(From => 's@x', To => ['a@x'], Data => sub { @pieces ? (shift @pieces)->() : undef })) ],
        ['a@x deferral 421 body'], 'Data closes the object');
    ($lmtp) = session();
    $@ = 'kept';
    $lmtp->deliver(From => 's@x', To => ['a@x'], Data => sub { undef });
    is($@, 'kept', 'deliveries by code leave $@ as it is');
}
for my $class (qw(Net::LMTP Net::QMTP)) {
    my $sink = Mail::Wire::Sink->new($class eq 'Net::QMTP' ? (protocol => 'qmtp') : ());
    my $object = Mail::Wire->connect($sink->url) or die $@;
    for my $case (
        [ 'a list in the list' => Data => [ "x\n", ["y\n"] ] ], [ 'undef in the list' => Data => [undef] ],
        [ 'code that returns a list' => Data => sub { [] } ],
        [ 'code that returns one after a while' => Data => do { my $n = 0; sub { $n++ < 5 ? 'x' x 65536 : [] } } ],
        [ 'NUL in a file\'s name' => File => "/etc/passwd\0" ],
    ) {
        my ($what, @content) = @$case;
        my $line = __LINE__ + 1;
        my @warnings = warnings_of { ok(!eval { $object->deliver(From => 's@x', To => ['a@x'], @content); 1 }, "$class: $what croaks") };
        is_deeply(\@warnings, [], '... and warns of nothing');
        like($@, qr/ at \Q$0\E line $line\.?\n\z/, '... where it was called');
    }
    is_deeply([ $sink->messages ], [], '... nothing is delivered');
}
for my $notify ([undef], ['BOGUS'], [ 'NEVER', 'SUCCESS' ], 'never,delay') {
    my ($lmtp) = session(keywords => ['DSN']);
    ok(!eval { $lmtp->deliver(From => 's@x', To => [ [ 'a@x', { Notify => $notify } ] ], Data => "x\n"); 1 }, 'a Notify that is none croaks');
    like($@, qr/^Notify must be NEVER, or .* at \Q$0\E line/, '... in one line');
}

{
    package Closing;
    our @ISA = ('Net::LMTP');
    sub debug_print { $_[0]->close if $_[2] =~ /354/; return }
}
{
    my ($lmtp) = session({ class => 'Closing', Debug => 1, EagerBody => 1 });
    my @pieces = ("x\n");
    is_deeply([ shown($lmtp->deliver(From => 's@x', To => ['a@x'], Data => sub { shift @pieces })) ], ['a@x deferral 421 body'], 'debug_print closes the object');
}

# A sync call behind a delivery under debug: RSET's reply is not its own.
{
    my ($lmtp) = session({}, RCPT => [ '550 no', '250 ok' ], MAIL => [ '250 ok', '550 mail refused' ], RSET => '250 reset');
    stderr_of {
        $lmtp->debug(1);
        $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n");
        ok(!$lmtp->mail('b@x'), 'mail behind a delivery that was refused, under debug');
    };
    is_deeply([ $lmtp->message ], ["mail refused\n"], '... has its own reply');
}

{
    package Nosy;
    our @ISA = ('Net::LMTP');
    sub debug_print { $_[0]->deliver(From => 's@x', To => ['a@x'], Data => "x\n") }
}
{
    my ($lmtp) = session({ class => 'Nosy' });
    $lmtp->debug(1);
    ok(!eval { $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n"); 1 }, 'a delivery from debug_print of the same object');
    like($@, qr/called from the code of/, '... croaks');
}

done_testing;
