# Blocking => 0, and what event loops need: nothing waits, and everything arrives.

use strict;
use warnings;

use Fcntl qw(F_GETFL O_NONBLOCK);
use IO::Select;
use Mail::Wire::Sink;
use Test::More;
use Time::HiRes ();

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

use constant SHORT => 0.3;

# What no test needs, but for a failure to show as one.
use constant LONG => 60;

my @one = (From => 'a@x', To => ['b@x'], Data => "Subject: x\n\nx\n");

sub sink_link {
    my ($sink, %options) = @_;
    return Net::LMTP->new($sink->host, $sink->port, Hello => 'client.example', %options) || die "no link: $@";
}

# Drives the links by what they say of themselves, as an event loop would, until none has anything unanswered.
sub run_loop {
    my ($each, @links) = @_;
    my $end = Time::HiRes::time() + LONG;
    while (my @open = grep { $_->wants_read || $_->wants_write } @links) {
        die "the loop hangs\n" if Time::HiRes::time() > $end;
        my ($read, $write) = ('', '');
        for my $link (@open) {
            vec($read, fileno $link, 1) = 1 if $link->wants_read;
            vec($write, fileno $link, 1) = 1 if $link->wants_write;
        }
        my ($first) = sort { $a <=> $b } grep {defined} map { $_->timeout_in } @open;
        select $read, $write, undef, defined $first ? $first : 1;
        for my $link (@open) {
            $link->advance;
            $each->($link);
        }
    }
    return;
}

# --- nothing waits ---

{
    my ($lmtp, $server) = script({ Blocking => 0 }, stall => 'here', expect => 'MAIL FROM:<a@x>', reply => '250 ok',
        expect => 'RCPT TO:<b@x>', reply => '250 ok', expect => 'DATA', reply => '354 go', data => undef, reply => '250 delivered',
        expect => 'QUIT', reply => '221 bye');
    my $flags = fcntl $lmtp, F_GETFL, 0;
    is($flags & O_NONBLOCK, 0, 'the descriptor is in blocking mode');
    is_deeply([ map { $lmtp->$_ ? 1 : 0 } qw(wants_read wants_write in_flight advance) ], [ 0, 0, 0, 0 ], 'at first nothing is wanted');
    is($lmtp->timeout_in, undef, '... nor timed');
    is($lmtp->collect, undef, '... nor to be collected');

    is($lmtp->submit(@one), 1, 'submit returns the id, while the server sleeps');
    is($lmtp->in_flight, 1, '... in_flight');
    ok($lmtp->wants_read, '... wants_read');
    ok(!$lmtp->wants_write, '... not wants_write, all was written');
    is($lmtp->advance, 1, '... advance: one is unanswered');
    is($lmtp->collect, undef, '... collect has none');
    my @none = $lmtp->collect;
    is_deeply([ grep {defined} @none ], [], '... in list context neither');
    cmp_ok($lmtp->timeout_in, '>', 200, '... timeout_in');
    ok(!eval { $lmtp->deliver(@one); 1 }, 'deliver croaks');
    like($@, qr/Blocking => 0.* at \Q$0\E line/, '... saying why');
    is($lmtp->in_flight, 1, '... and has taken nothing');
    ok(!eval { $lmtp->mail('a@x'); 1 }, 'a sync call croaks while a delivery is unanswered');
    like($@, qr/unanswered/, '... saying why');

    $server->release;
    run_loop(sub { }, $lmtp);
    is($lmtp->advance, 0, 'driven to the end, none is unanswered');
    is($lmtp->in_flight, 1, '... but one not collected');
    my $delivery = $lmtp->collect;
    isa_ok($delivery, 'Mail::Wire::Delivery');
    is($delivery->id, 1, '... its id');
    ok($delivery->is_success, '... its success');
    is($lmtp->in_flight, 0, 'then nothing is in flight');
    is($lmtp->timeout_in, undef, '... nor timed');
    is((fcntl $lmtp, F_GETFL, 0) & O_NONBLOCK, 0, 'the descriptor is still in blocking mode');
    ok($lmtp->quit, 'quit');
    is_deeply([ $server->problems ], [], 'all as the server expected it');
}

# A message larger than what the system takes.
{
    my @script = (expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA', reply => '354 go',
        stall => 'here', data => undef, reply => '250 delivered');
    my $content = join '', map {"line $_\n"} 1 .. 1_000_000;
    my $pieces = 0;
    for my $case ([ 'a string', $content ], [ 'code', sub { $pieces++ < 400 ? substr $content, 0, 32_768 : undef } ]) {
        my ($name, $data) = @$case;
        my ($lmtp, $server) = script({ Blocking => 0, server => { rcvbuf => 4096 } }, @script);
        $lmtp->submit(@one[ 0 .. 3 ], Data => $data);
        # The server is not asked meanwhile: it would read then.
        my ($full, $end) = (0, Time::HiRes::time() + LONG);
        until ($full or Time::HiRes::time() > $end) {
            $lmtp->advance;
            select undef, undef, undef, 0.005;
            $full = $lmtp->wants_write && !IO::Select->new($lmtp)->can_write(0);
        }
        is($lmtp->advance, 1, "$name that the server doesn't take: advance doesn't wait") for 1 .. 3;
        ok($lmtp->wants_write, '... wants_write');
        ok($lmtp->wants_read, '... and wants_read, as the server may say no');
        is($lmtp->flush, 0, '... flush doesn\'t wait, and is false');
        is((fcntl $lmtp, F_GETFL, 0) & O_NONBLOCK, 0, '... the descriptor is in blocking mode');
        $server->release;
        run_loop(sub { }, $lmtp);
        ok($lmtp->collect->is_success, '... in the end it has arrived');
        ok(!$lmtp->wants_write, '... and nothing is to be written');
        cmp_ok(length $server->received, '>', 10_000_000, '... all of it');
    }
}

# One that the other side takes as fast as it comes: others have their turn.
{
    my $sink = Mail::Wire::Sink->new(discard => 1, chunking => 0);
    my $lmtp = sink_link($sink, Blocking => 0);
    $lmtp->submit(@one[ 0 .. 3 ], Data => 'x' x 50_000_000);
    my ($turns, $end) = (0, Time::HiRes::time() + LONG);
    while ($lmtp->advance) {
        $turns++;
        my $events = IO::Select->new($lmtp);
        $lmtp->wants_write ? $events->can_write(1) : $events->can_read(1);
        die "no end\n" if Time::HiRes::time() > $end;
    }
    cmp_ok($turns, '>=', 20, '50 MB take many turns');
    ok($lmtp->collect->is_success, '... and arrive');
}

# --- time ---

{
    my ($lmtp) = script({ Blocking => 0, StageTimeout => { mail => SHORT } }, expect => qr/^MAIL/, stall => undef);
    $lmtp->submit(@one) for 1 .. 2;
    my $left = $lmtp->timeout_in;
    ok(defined $left && $left <= SHORT, 'timeout_in says how long');
    run_loop(sub { }, $lmtp);
    is($lmtp->timeout_in, undef, '... and after it nothing more');
    is_deeply([ map { shown($_->results) } $lmtp->collect, $lmtp->collect ],
        [ 'b@x deferral 421 mail', 'b@x deferral 421 connect' ], '... the deliveries are deferrals');
    ok(!defined fileno $lmtp, '... and fileno is undef');
}

{
    my ($lmtp) = script({ Blocking => 0 }, expect => qr/^MAIL/, stall => undef);
    $lmtp->submit(@one, Deadline => SHORT);
    cmp_ok($lmtp->timeout_in, '<=', SHORT, 'timeout_in knows deadlines');
    run_loop(sub { }, $lmtp);
    ok(!$lmtp->collect->is_success, '... and advance keeps them');
}

# --- a link that is lost ---

for my $end (qw(close reset)) {
    my ($lmtp, $server) = script({ Blocking => 0 }, expect => qr/^MAIL/, $end => undef);
    $lmtp->submit(@one) for 1 .. 2;
    run_loop(sub { }, $lmtp);
    is_deeply([ map { $lmtp->$_ ? 1 : 0 } qw(wants_read wants_write advance) ], [ 0, 0, 0 ], "link lost by $end: nothing is wanted any more");
    is($lmtp->timeout_in, undef, '... nor timed');
    ok(!defined fileno $lmtp, '... no descriptor');
    is($lmtp->submit(@one), 3, '... submit still takes messages');
    is($lmtp->in_flight, 3, '... all to be collected');
    is_deeply([ map { shown($_->results) } map { $lmtp->collect } 1 .. 3 ],
        [ 'b@x deferral 421 mail', ('b@x deferral 421 connect') x 2 ], '... as deferrals');
    is($lmtp->flush, 0, '... flush is false');
}

# --- flush, and what submit holds back ---

for my $blocking (1, 0) {
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = sink_link($sink, Blocking => $blocking, Timeout => LONG);
    # What may be streamed is known after the second message.
    for (1 .. 2) {
        $lmtp->submit(@one);
        run_loop(sub { }, $lmtp);
    }
    $lmtp->submit(@one) for 1 .. 20;
    ok($lmtp->wants_write, "Blocking => $blocking: submit has held something back");
    is($lmtp->flush, 1, '... flush');
    ok(!$lmtp->wants_write, '... sends it');
    is($lmtp->in_flight, 22, '... and takes no answer away');
    run_loop(sub { }, $lmtp);
    is(scalar(grep { $_->is_success } map { $lmtp->collect } 1 .. 22), 22, '... all have arrived');
    is($lmtp->flush, 1, 'flush with nothing to send');
    $lmtp->close;
    is($lmtp->flush, 0, '... and on a closed link');
}

{
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = sink_link($sink, Blocking => 0);
    $lmtp->submit(@one) for 1 .. 5;
    ok($lmtp->quit, 'quit waits for what is in flight');
    is(scalar(grep { $_->is_success } map { $lmtp->collect } 1 .. 5), 5, '... all have arrived');
    is(($sink->commands)[-1], 'QUIT', '... before it said so');
}

# --- the order of results, and many links ---

for my $extensions ([], [ chunking => 0 ], [ chunking => 0, pipelining => 0 ]) {
    my $sink = Mail::Wire::Sink->new(@$extensions, final => { 'c@x' => '550 no' });
    my @links = map { sink_link($sink, Blocking => 0, Window => 4) } 1 .. 10;
    my (%left, %got);
    my $fill = sub {
        my ($link) = @_;
        while (my $delivery = $link->collect) { push @{ $got{ fileno $link } }, $delivery }
        while ($left{ fileno $link } and defined $link->submit(
            From => 'a@x', To => [ $left{ fileno $link } % 3 ? 'b@x' : ('b@x', 'c@x') ], Data => "x\n")) { $left{ fileno $link }-- }
    };
    $left{ fileno $_ } = 30 for @links;
    # A fast server may answer inside of submit: then the link wants nothing, and has results.
    while (grep { $left{ fileno $_ } || $_->in_flight } @links) {
        $fill->($_) for @links;
        run_loop($fill, @links);
    }
    for my $link (@links) {
        my $deliveries = $got{ fileno $link };
        is_deeply([ map { $_->id } @$deliveries ], [ 1 .. 30 ], "@$extensions: results come in the order of submit");
        is_deeply([ map { scalar @{ [ $_->results ] } } @$deliveries ], [ (2, 1, 1) x 10 ], '... with a result per recipient');
        is(scalar(grep { $_->is_success } @$deliveries), 20, '... refused ones are none');
    }
    is(scalar $sink->messages, 300, '... and all were sent');
}

# Progress, by turns.
{
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = sink_link($sink, Blocking => 0);
    my @sent;
    $lmtp->submit(@one[ 0 .. 3 ], Data => join('', ('x' x 70 . "\n") x 50_000), Progress => sub { push @sent, [@_] });
    run_loop(sub { }, $lmtp);
    ok($lmtp->collect->is_success, 'a message with Progress');
    is_deeply($sent[-1], [ 3_550_000, 3_550_000 ], '... which is told of the whole');
    is_deeply([ sort { $a <=> $b } map { $_->[0] } @sent ], [ map { $_->[0] } @sent ], '... and never goes back');
}

done_testing;
