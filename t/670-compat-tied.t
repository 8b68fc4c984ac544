# A glob that a script has tied is read and written by its own methods: sysread and syswrite that give little, say EAGAIN, die, end, keep
# bytes that poll does not see, or have to read in order to write.

use strict;
use warnings;

use Errno qw(EAGAIN EIO EPIPE);
use IO::Socket::UNIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);

use lib 't/lib';
use LMTPTest;
use TiedHandle;

my $body = join '', map {"line $_\n"} 1 .. 20_000;
(my $crlf = $body) =~ s/\n/\r\n/g;

sub lmtp_on {
    my ($sink, %option) = @_;
    $sink->clear;
    return Net::LMTP->new($sink->host, $sink->port, Timeout => 10, %option) || die "new: $@";
}

sub codes { return join ' ', map { $_->code . ($_->maybe_delivered ? ' maybe' : '') } @_ }

# ---- everything goes through the methods, by every way of sending

my %way = (
    'sync' => sub {
        my ($lmtp) = @_;
        my $ok = $lmtp->mail('a@x') && $lmtp->to('b@x', 'c@x') && $lmtp->data && $lmtp->datasend($body) && $lmtp->dataend;
        return $ok ? codes($lmtp->data_results) : 'false';
    },
    'bdat' => sub {
        my ($lmtp) = @_;
        $lmtp->mail('a@x') && $lmtp->to('b@x', 'c@x') && $lmtp->bdat("$crlf") && $lmtp->bdatlast('');
        return codes($lmtp->data_results);
    },
    'deliver' => sub { return codes($_[0]->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body)) },
    'submit'  => sub {
        my ($lmtp) = @_;
        $lmtp->submit(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body) for 1 .. 3;
        my %seen;
        while (my $done = $lmtp->collect) { $seen{ codes($done->results) }++ }
        return join ', ', map {"$_"} keys %seen;
    },
);

my %handle = (
    'plain'                    => [ 'TiedHandle' ],
    'short reads and writes'   => [ 'TiedHandle', read_size => 3, write_size => 1000 ],
    'one byte read'            => [ 'TiedHandle', read_size => 1 ],
    'EAGAIN'                   => [ 'TiedHandle', busy => 1 ],
    'a layer'                  => [ 'TiedHandle::Layer' ],
    'a layer, a byte at a time' => [ 'TiedHandle::Layer', read_size => 1, write_size => 777 ],
    'a layer that must read'   => [ 'TiedHandle::Layer', wants_read => 1 ],
    'a layer that must write'  => [ 'TiedHandle::Layer', wants_write => 3 ],
);

my $sink = Mail::Wire::Sink->new;
for my $name (sort keys %handle) {
    for my $way (sort keys %way) {
        my $lmtp = lmtp_on($sink);
        my ($class, @option) = @{ $handle{$name} };
        my $wrap = $class->wrap($lmtp, @option);
        # Only a peer that says something gives a layer that has to read something to read.
        $wrap->{wants_read} = 0 if $wrap->{wants_read} and $way ne 'sync';
        is($way{$way}->($lmtp), '250 250', "$name, $way");
        my @messages = $sink->messages;
        is_deeply([ map { $_->{data} eq $crlf ? 'whole' : 'not whole' } @messages ], [ ('whole') x ($way eq 'submit' ? 3 : 1) ], '... arrived whole');
        ok($wrap->{written} =~ /RCPT TO:<c[@]x>\r\n/, '... and went by its syswrite');
        cmp_ok(length $wrap->{written}, '>', length $crlf, '... all of it');
        ok($wrap->{read} =~ /^250 /m, '... what was said, by its sysread');
        undef $wrap;
        ok($lmtp->quit, '... quit');
    }
}

# ---- from one way to the other and back, on one link

for my $class (qw(TiedHandle TiedHandle::Layer)) {
    my $lmtp = lmtp_on($sink);
    for my $turn (1 .. 2) {
        is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "plain\n")), '250', "$class: by the descriptor");
        my $wrap = $class->wrap($lmtp);
        is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "tied\n")), '250', '... by the handle');
        ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data && $lmtp->datasend("tied, too\n") && $lmtp->dataend, '... by hand');
        ok($wrap->{written} !~ /plain/, '... which had only that');
        undef $wrap;
        untie *$lmtp;
    }
    is(join('|', map { $_->{data} } $sink->messages), join('|', ("plain\r\n", "tied\r\n", "tied, too\r\n") x 2), '... all as it was');
    $lmtp->quit;
}

# In the middle of a message as well.
{
    my $lmtp = lmtp_on($sink);
    $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data && $lmtp->datasend("first\n");
    my $wrap = TiedHandle->wrap($lmtp);
    ok($lmtp->datasend("second\n") && $lmtp->dataend, 'tied in the middle of a message');
    is(($sink->messages)[0]{data}, "first\r\nsecond\r\n", '... which is whole');
}

# ---- a method dies, or fails

my $io_words = words_of(EIO);
my %broken = (
    'dies'                   => [ sub { die "the wrapper broke\nand more\n" }, qr/the wrapper broke$/ ],
    'dies of an object'      => [ sub { die bless {}, 'Some::Error' }, qr/Some::Error$/ ],
    'fails'                  => [ sub { $! = EIO; undef }, qr/$io_words/ ],
    'fails without a word'   => [ sub { $! = 0; undef }, qr/did not say why/ ],
    'returns nonsense'       => [ sub { 'much' }, qr/none of its numbers/ ],
    'returns too much'       => [ sub { 1_000_000 }, qr/none of its numbers/ ],
    'returns less than none' => [ sub { -1 }, qr/none of its numbers/ ],
    'says that it is closed' => [ sub { $! = EPIPE; undef }, qr/Connection closed/ ],
);

for my $class (qw(TiedHandle TiedHandle::Layer)) {
    for my $name (sort keys %broken) {
        my ($code, $words) = @{ $broken{$name} };
        for my $call (qw(write_says read_says)) {
            my $lmtp = lmtp_on($sink);
            $class->wrap($lmtp, $call => $code);
            my @results = eval { $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n") };
            is($@, '', "$class, $call $name: deliver does not die");
            is(scalar(grep { $_->code == 421 } @results), 2, '... deferrals');
            like($results[0]->message, $words, '... that say so');
            ok(!$lmtp->opened, '... and the link is closed');

            $lmtp = lmtp_on($sink);
            $class->wrap($lmtp, $call => $code);
            ok(!eval { $lmtp->mail('a@x') } && !$@, '... a command is false');
            is($lmtp->code, 421, '... 421');
            like($lmtp->message, $words, '... and its words');
            ok(!$lmtp->opened, '... the link is closed');
        }
    }
}

# More in the buffer than it says, less, or what is no bytes.
for my $case ([ 2, '250 ok', 'less' ], [ 600, 'x', 'more' ], [ 1, "\x{2603}", 'wide' ], [ 3, [], 'a reference' ]) {
    my ($says, $buffer, $name) = @$case;
    my $lmtp = lmtp_on($sink, Timeout => 2);
    TiedHandle->wrap($lmtp, read_says => sub { $_[1] = $buffer; $says });
    ok(!eval { $lmtp->mail('a@x') } && !$@, "a buffer with $name: no reply");
    is($lmtp->code, 421, '... 421');
}

# The end.
{
    my $lmtp = lmtp_on($sink);
    TiedHandle->wrap($lmtp, read_says => sub { 0 });
    my @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n");
    is(codes(@results), '421', 'end of file: a deferral');
    like($results[0]->message, qr/Connection closed/, '... that says so');
}

# One that is ready for ever and gives nothing must not last longer than the wait.
for my $class (qw(TiedHandle TiedHandle::Layer)) {
    my $lmtp = lmtp_on($sink, Timeout => 0.3);
    $class->wrap($lmtp, read_says => sub { $! = EAGAIN; undef });
    my @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n");
    is(codes(@results), '421', "$class, EAGAIN for ever: a deferral in the end");
    like($results[0]->message, qr/Timeout/, '... that says so');
}

# ---- signals

# A handler that dies while one of the methods runs: what it died of comes out, and the link is closed, as nobody knows what went through.
for my $class (qw(TiedHandle TiedHandle::Layer)) {
    for my $call (qw(on_read on_write)) {
        my $lmtp = lmtp_on($sink);
        my $wrap = $class->wrap($lmtp);
        next if $class eq 'TiedHandle::Layer' and $call eq 'on_read';
        local $SIG{USR1} = sub { die "the handler's own\n" };
        $wrap->{$call} = sub { kill USR1 => $$; my $n = 0; $n++ for 1 .. 100 };
        ok(!eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n"); 1 }, "$class, $call: a handler's die comes out of deliver");
        is($@, "the handler's own\n", '... as it was');
        is(scalar(grep { not $_->is_success } $lmtp->results), 1, '... the recipient has a deferral');
        undef $wrap;

        $lmtp = lmtp_on($sink);
        $wrap = $class->wrap($lmtp);
        $wrap->{$call} = sub { kill USR1 => $$; my $n = 0; $n++ for 1 .. 100 };
        ok(!eval { $lmtp->mail('a@x'); 1 } && $@ eq "the handler's own\n", '... and out of a command');
        delete $wrap->{$call};
        ok(!$lmtp->_NOOP, '... the link is of no use then');
        is($lmtp->code, 421, '... 421');
    }
}

# One that returns interrupts nothing; one that dies during the wait does, as ever.
{
    my $lmtp = lmtp_on($sink);
    my $count = 0;
    TiedHandle->wrap($lmtp, read_size => 1);
    local $SIG{ALRM} = sub { $count++ };
    setitimer(ITIMER_REAL, 0.001, 0.001);
    my @results = map { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => $body) } 1 .. 20;
    setitimer(ITIMER_REAL, 0);
    is(scalar(grep { $_->is_success } @results), 20, "handlers that return ($count of them) interrupt nothing");

    my $silent;
    ($lmtp, $silent) = script(expect => qr/^MAIL/, stall => 'silent');
    TiedHandle->wrap($lmtp);
    local $SIG{ALRM} = sub { die "enough\n" };
    setitimer(ITIMER_REAL, 0.3);
    ok(!eval { $lmtp->mail('a@x'); 1 } && $@ eq "enough\n", 'a handler that dies ends a wait');
}

# ---- what the methods do to the object

{
    my $lmtp = lmtp_on($sink);
    my ($inside, $wrap) = ('');
    $wrap = TiedHandle->wrap($lmtp, on_read => sub {
        $inside = eval { $lmtp->command('NOOP'); 'let in' } || $@;
    });
    is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n")), '250', 'a method that calls the object');
    like($inside, qr/deliveries are unanswered|another call on the same object/, '... is refused');
    ok($lmtp->mail('a@x'), '... by hand');
    like($inside, qr/another call on the same object/, '... is refused');
    $wrap->{on_read} = sub { $lmtp->close };
    ok(!$lmtp->to('b@x'), 'a method that closes the object');
    is($lmtp->code, 421, '... 421');
    undef $lmtp;
}

{
    my $lmtp = lmtp_on($sink);
    TiedHandle->wrap($lmtp, on_write => sub { undef $lmtp });
    my @results = eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") };
    is(codes(@results), '250', 'a method that drops the object does not drop the delivery');
}

{
    my $lmtp = lmtp_on($sink);
    TiedHandle->wrap($lmtp, on_read => sub { untie *$lmtp });
    local $SIG{__WARN__} = sub { };
    is(codes(map { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") } 1 .. 3), '250 250 250', 'a method that unties the object');
}

# ---- what is as it was

{
    my $lmtp = lmtp_on($sink);
    my $is_blocking = $lmtp->blocking;
    my $wrap = TiedHandle::Layer->wrap($lmtp);
    local ($@, $!) = ('before', EIO);
    $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => $body);
    is(0 + $!, EIO, '$! is as it was');
    is($@, 'before', '$@ as well');
    undef $wrap;
    untie *$lmtp;
    is($lmtp->blocking, $is_blocking, 'and the mode of the descriptor');
}

# A peer that goes raises no SIGPIPE: its usual action would be the end of this test.
{
    local $SIG{PIPE} = 'DEFAULT';
    for my $class (qw(TiedHandle TiedHandle::Layer)) {
        my ($lmtp, $server) = script(expect => qr/^MAIL/, reset => undef);
        $class->wrap($lmtp);
        my @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x' x 10_000_000);
        is(codes(@results), '421', "$class: a peer that goes");
    }
}

# Peers that read slowly, and a handle that is not to block.
for my $class (qw(TiedHandle TiedHandle::Layer)) {
    my $lmtp = lmtp_on($sink, Timeout => 1);
    my ($near, $far) = IO::Socket::UNIX->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $wrap = $class->wrap($lmtp, on_write => sub {
        syswrite $far, $1 eq 'DATA' ? "354 go\r\n" : "250 ok\r\n" if $_[1] =~ /\A(MAIL|RCPT|DATA)/;
    });
    $wrap->{inner} = $near;
    my $ok = $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data;
    ok($ok, "$class over a socketpair: the method FILENO tells what to wait for");
    ok(!$lmtp->datasend('x' x 3_000_000 . "\n") || !$lmtp->dataend, '... whose other side does not read: the wait ends');
    is($lmtp->code, 421, '... 421');
}

# ---- event loops

for my $class (qw(TiedHandle TiedHandle::Layer)) {
    my $lmtp = lmtp_on($sink, Blocking => 0);
    my $wrap = $class->wrap($lmtp, read_size => 2);
    $lmtp->submit(From => 'a@x', To => ['b@x'], Data => $body) for 1 .. 5;
    my ($turns, @done) = (0);
    while (@done < 5 and $turns++ < 100_000) {
        my ($r, $w) = ('', '');
        vec($r, $lmtp->fileno, 1) = 1 if $lmtp->wants_read;
        vec($w, $lmtp->fileno, 1) = 1 if $lmtp->wants_write;
        select $r, $w, undef, 1;
        $lmtp->advance;
        while (my $done = $lmtp->collect) { push @done, codes($done->results) }
    }
    is("@done", '250 250 250 250 250', "$class: not waiting");
}

# ---- Net::QMTP

my $qmtp_sink = Mail::Wire::Sink->new(protocol => 'qmtp');
for my $name (sort grep { !/must read/ } keys %handle) {
    my ($class, @option) = @{ $handle{$name} };
    $qmtp_sink->clear;
    my $qmtp = Net::QMTP->new($qmtp_sink->host, Port => $qmtp_sink->port, Timeout => 60) or die "new: $@";
    my $wrap = $class->wrap($qmtp->{net_qmtp}{link}, @option);
    $qmtp->sender('a@x');
    $qmtp->recipient('b@x', 'c@x');
    $qmtp->message($body);
    my $answer = $qmtp->send;
    is(join(' ', map {/^(\w+)/} @{ $answer || {} }{qw(b@x c@x)}), 'success success', "Net::QMTP, $name: send");
    is(codes($qmtp->deliver(From => 'a@x', To => ['b@x'], Data => $body)), '250', '... deliver');
    $qmtp->submit(From => 'a@x', To => ['b@x'], Data => $body) for 1 .. 3;
    my @done;
    while (my $done = $qmtp->collect) { push @done, codes($done->results) }
    is("@done", '250 250 250', '... submit');
    is_deeply([ map { $_->{data} eq $body ? 'whole' : 'not whole' } $qmtp_sink->messages ], [ ('whole') x 5 ], '... arrived whole');
    cmp_ok(length $wrap->{written}, '>', 5 * length $body, '... by its syswrite');
    undef $wrap;
}

for my $name (sort keys %broken) {
    my ($code, $words) = @{ $broken{$name} };
    for my $call (qw(write_says read_says)) {
        my $qmtp = Net::QMTP->new($qmtp_sink->host, Port => $qmtp_sink->port) or die "new: $@";
        TiedHandle->wrap($qmtp->{net_qmtp}{link}, $call => $code);
        $qmtp->server('127.0.0.1:1');
        my @results = eval { $qmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") };
        is($@, '', "Net::QMTP, $call $name: deliver does not die");
        is(codes(map { $_->is_success ? $_ : () } @results), '', '... a deferral');
    }
}

for my $call (qw(on_read on_write)) {
    my $qmtp = Net::QMTP->new($qmtp_sink->host, Port => $qmtp_sink->port) or die "new: $@";
    local $SIG{USR1} = sub { die "the handler's own\n" };
    my $wrap = TiedHandle->wrap($qmtp->{net_qmtp}{link}, $call => sub { kill USR1 => $$; my $n = 0; $n++ for 1 .. 100 });
    ok(!eval { $qmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n"); 1 } && $@ eq "the handler's own\n", "Net::QMTP, $call: a handler's die comes out of deliver");
    $qmtp = Net::QMTP->new($qmtp_sink->host, Port => $qmtp_sink->port) or die "new: $@";
    $wrap = TiedHandle->wrap($qmtp->{net_qmtp}{link}, $call => sub { kill USR1 => $$; my $n = 0; $n++ for 1 .. 100 });
    $qmtp->sender('a@x');
    $qmtp->recipient('b@x');
    $qmtp->message("x\n");
    ok(!eval { $qmtp->send; 1 } && $@ eq "the handler's own\n", '... and out of send');
}

done_testing;
