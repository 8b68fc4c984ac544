# Mail::Wire::Pool and servers that close, stall, lie and come back; handlers that die at any moment.

use strict;
use warnings;

our $late = 0;    # kept by a sink's process

use lib 't/lib';
use DeliveryTest qw(codes in_time);
use Mail::Wire::Pool;
use Mail::Wire::Sink;
use Test::More;
use Time::HiRes ();

my %kinds = (
    'one at a time' => [ pipelining => 0, chunking => 0 ],
    pipelining      => [ pipelining => 1, chunking => 0 ],
    streams         => [ pipelining => 1, chunking => 1 ],
);

sub submit_to {
    my ($pool, $name, @to) = @_;
    return $pool->submit(From => 'a@x', To => @to ? \@to : 'b@x', Data => "Subject: $name\n\nHello.\n", Tag => $name);
}

# Tag => "ATTEMPTS CODES".
sub results_of {
    my ($pool) = @_;
    my %told;
    while (my $delivery = $pool->collect) {
        $told{ $delivery->tag } .= $delivery->attempts . ' ' . codes($delivery->results);
    }
    return \%told;
}

# How often each message has come: Subject => number.
sub arrived {
    my ($sink) = @_;
    my %count;
    for my $message ($sink->messages) { $count{$1}++ if $message->{data} =~ /^Subject: (\S+)/m }
    return \%count;
}

# ---------------------------------------------------------------- links that end

# A server that closes with a group of commands unread resets the link, and its last answers with it: they are in doubt then.
for my $kind (sort keys %kinds) {
    my $sink = Mail::Wire::Sink->new(@{ $kinds{$kind} }, close_after => 3);
    my $pool = Mail::Wire::Pool->new($sink->url, Backoff => 0, Retries => 5);
    submit_to($pool, $_) for 1 .. 100;
    my ($told, $came) = (results_of($pool), arrived($sink));
    my $may = $kind eq 'one at a time' ? qr/\A[1-6] 250\z/ : qr/\A[1-6] (?:250|421\?)\z/;
    is_deeply([ grep { $told->{$_} !~ $may } 1 .. 100 ], [], "$kind, links of three messages: no message is refused") or diag explain $told;
    is_deeply([ grep { $told->{$_} =~ /250/ && !$came->{$_} } 1 .. 100 ], [], '... those that were accepted have come');
    is_deeply([ grep { $_ > 1 } values %$came ], [], '... and none twice');
    cmp_ok($pool->stats->{links_opened}, '>', 4 - ($kind eq 'streams'), '... over many links');
}

for my $kind (sort keys %kinds) {
    my $sink = Mail::Wire::Sink->new(@{ $kinds{$kind} });
    my $pool = Mail::Wire::Pool->new($sink->url, MaxPerLink => 7, Links => 2);
    submit_to($pool, $_) for 1 .. 60;
    is_deeply(results_of($pool), { map { $_ => '1 250' } 1 .. 60 }, "$kind, MaxPerLink: all are accepted at once");
    my %on;
    $on{ $_->{link} }++ for $sink->messages;
    is_deeply([ grep { $_ > 7 } values %on ], [], '... with no more on a link');
    is($pool->stats->{links_lost}, 0, '... and none was lost');

    my $deep = Mail::Wire::Sink->new(@{ $kinds{$kind} }, delay => { final => 0.01 });
    my $many = Mail::Wire::Pool->new($deep->url, MaxPerLink => 12, Links => 2);
    submit_to($many, $_) for 1 .. 60;
    is_deeply(results_of($many), { map { $_ => '1 250' } 1 .. 60 }, "$kind, MaxPerLink of more than a link gets at once");
    my %of;
    $of{ $_->{link} }++ for $deep->messages;
    is_deeply([ grep { $_ > 12 } values %of ], [], '... with no more on a link');

    my $limited = Mail::Wire::Sink->new(lhlo => [ 'PIPELINING', $kind eq 'streams' ? 'CHUNKING' : '8BITMIME', 'LIMITS MAILMAX=5 RCPTMAX=100' ]);
    my $more = Mail::Wire::Pool->new($limited->url, Links => 2);
    submit_to($more, $_) for 1 .. 30;
    is_deeply(results_of($more), { map { $_ => '1 250' } 1 .. 30 }, "$kind, LIMITS MAILMAX: another link");
}

{
    my $sink = Mail::Wire::Sink->new(chunking => 0, close_at => { stage => 'mail', after => 0 }, only_link => 1);
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 1, Backoff => 0);
    submit_to($pool, 1);
    is_deeply(results_of($pool), { 1 => '2 250' }, 'a link that ends at MAIL: the message is sent over another one');
}

# Links that were idle, and are not there any more.
for my $how ('seen', 'not seen') {
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Retries => 0);
    submit_to($pool, 1);
    $pool->finish;
    my ($link) = @{ $pool->{links} };
    # Not seen: the server reads on, and the client's side says nothing until something is sent.
    if ($how eq 'seen') { shutdown $link->{client}, 0 }
    else                { $link->{is_idle} = 1; shutdown $link->{client}, 1 }
    submit_to($pool, 2);
    is_deeply(results_of($pool), { 1 => '1 250', 2 => '1 250' }, "an idle link that has ended, $how, costs nothing");
}

# How many messages a link gets: MaxPerLink, what the server says, the least of them.
{
    package Client;
    sub made         { my ($class, %state) = @_; return bless {%state}, $class }
    sub supports     { return $_[0]{limits} }
    sub is_connected { return !$_[0]{is_lost} }
    sub submit       { return 1 }
    sub arguments    { return [] }
}
for my $case ([ 0, undef, 0 ], [ 7, undef, 7 ], [ 0, 'mailmax=5', 5 ], [ 7, 'RCPTMAX=1 MAILMAX=10', 7 ], [ 10, 'MAILMAX=7 RCPTMAX=9', 7 ], [ 0, 'XMAILMAX=3', 0 ]) {
    my ($most, $limits, $expected) = @$case;
    is(Mail::Wire::Pool::Link->new(Client->made(limits => $limits), $most)->{most}, $expected, "MaxPerLink $most, limits " . ($limits || 'none'));
}

# A link was idle when it got a message only if it had none, and has served others.
{
    my $link = Mail::Wire::Pool::Link->new(Client->made, 0);
    my @was_idle = map {
        my $does = $_;
        if ($does eq 'take') { push @{ $link->{jobs} }, Client->made; $link->take(\my $why) }
        else                 { shift @{ $link->{jobs} }; $link->note_answer }
        $link->{is_idle} ? 1 : 0;
    } qw(take take answer answer take take answer take);
    is_deeply(\@was_idle, [ 0, 0, 0, 0, 1, 1, 0, 0 ], 'an idle link');
}

# What becomes of a message: name, its link, tries, results; where it is then, tries, what is known of the link. Two more tries are allowed.
for my $case (
    [ 'an answer', { answered => 1 }, 0, ['451 final'], 'delayed 1, 2 answered' ],
    [ 'the last answer', { answered => 1 }, 2, ['451 final'], 'done 3, 2 answered' ],
    [ 'an answer, and an end behind it', { is_lost => 1, answered => 1 }, 0, ['451 final'], 'delayed 1, 2 answered' ],
    [ 'lost with a link that served nobody', { is_lost => 1 }, 0, ['421 mail'], 'delayed 1, 0 answered, lost' ],
    [ 'lost at RCPT, as the first', { is_lost => 1, answered => 3 }, 0, ['421 rcpt'], 'delayed 1, 3 answered, lost' ],
    [ 'lost at RCPT, behind another', { is_lost => 1, answered => 3, has_lost => 1 }, 0, ['421 rcpt'], 'ready 0, 3 answered, lost' ],
    [ 'lost at MAIL', { is_lost => 1, answered => 3 }, 2, ['421 mail'], 'ready 2, 3 answered, lost' ],
    [ 'lost with an old link', { is_lost => 1, answered => 3, is_idle => 3 }, 2, ['421 rcpt'], 'ready 2, 3 answered, lost' ],
    [ 'in doubt on an old link', { is_lost => 1, answered => 3, is_idle => 3, resends => 1 }, 0, ['421? final'], 'delayed 1, 3 answered, lost' ],
    [ 'in doubt', { is_lost => 1, answered => 3 }, 0, ['421? final'], 'done 1, 3 answered, lost' ],
    [ 'by QMTP in doubt', { is_lost => 1, answered => 3 }, 0, ['450? final'], 'done 1, 3 answered, lost' ],
    [ 'lost by QMTP', { is_lost => 1, answered => 3, has_lost => 1 }, 0, ['450 connect'], 'ready 0, 3 answered, lost' ],
    [ 'an answer by QMTP, and an end behind it', { is_lost => 1, answered => 3 }, 0, ['450 final'], 'delayed 1, 4 answered' ],
    [ 'one answer, one lost', { is_lost => 1, answered => 3 }, 0, [ '250 final', '421 rcpt' ], 'delayed 1, 3 answered, lost' ],
    [ 'late', { answered => 1, ends => -1 }, 0, ['451 final'], 'done 1, 2 answered' ],
) {
    my ($name, $state, $tries, $said, $expected) = @$case;
    my $pool = Mail::Wire::Pool->new('lmtp:///nowhere', Retries => 2, Backoff => 300, $state->{resends} ? (InDoubt => 'resend') : ());
    my $job = Mail::Wire::Pool::Job->new([ From => 'a@x', To => [ map {"b$_\@x"} 1 .. @$said ], Data => '', exists $state->{ends} ? (Deadline => 100) : () ]);
    $job->[Mail::Wire::Pool::Job::ENDS] = 0 if exists $state->{ends};
    @{$job}[ Mail::Wire::Pool::Job::ID, Mail::Wire::Pool::Job::TRIES ] = (1, $tries);
    my $link = Mail::Wire::Pool::Link->new(Client->made(is_lost => $state->{is_lost}), 0);
    $link->{$_} = $state->{$_} foreach grep { exists $state->{$_} } qw(answered has_lost is_idle);
    my @results = map {
        my ($code, $doubt, $stage) = /\A([0-9]+)(\??) (\w+)\z/;
        my $result = Mail::Wire::Result->_new('b@x', 0, $code, 'said', $stage);
        $result->[Mail::Wire::Result::NOTES] = Mail::Wire::Result::MAYBE_DELIVERED if $doubt;
        $result;
    } @$said;
    $pool->_settle_closely($link, $job, \@results);
    my ($where) = grep { @{ $pool->{$_} } } qw(ready delayed done);
    is("$where $job->[Mail::Wire::Pool::Job::TRIES], $link->{answered} answered" . ($link->{has_lost} ? ', lost' : ''), $expected, "what becomes of a message: $name");
    $pool->{count} = @{ $pool->{done} };
}

# ---------------------------------------------------------------- in doubt

for my $kind (sort keys %kinds) {
    my @doubtful = (@{ $kinds{$kind} }, close_at => { stage => 'final', after => 0 }, only_link => 1);
    my $sink = Mail::Wire::Sink->new(@doubtful);
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 1, Backoff => 0);
    submit_to($pool, 1, 'b@x', 'c@x');
    is_deeply(results_of($pool), { 1 => '1 421? 421?' }, "$kind, no answer: in doubt");
    is_deeply(arrived($sink), { 1 => 1 }, '... and not sent again');
    is($pool->stats->{in_doubt}, 2, '... which is counted');

    my $again = Mail::Wire::Sink->new(@doubtful);
    my $sender = Mail::Wire::Pool->new($again->url, Links => 1, Backoff => 0, InDoubt => 'resend');
    submit_to($sender, 1, 'b@x', 'c@x');
    is_deeply(results_of($sender), { 1 => '2 250 250' }, "$kind, InDoubt => 'resend'");
    is_deeply(arrived($again), { 1 => 2 }, '... sends it again');

    my $half = Mail::Wire::Sink->new(@{ $kinds{$kind} }, close_at => { stage => 'final', after => 1 }, only_link => 1);
    my $rest = Mail::Wire::Pool->new($half->url, Links => 1, Backoff => 0, InDoubt => 'resend');
    submit_to($rest, 1, 'b@x', 'c@x');
    is_deeply(results_of($rest), { 1 => '2 250 250' }, "$kind, an answer for one");
    is_deeply([ map { scalar @{ $_->{recipients} } } $half->messages ], [ 2, 1 ], '... who gets nothing again');
}

# ---------------------------------------------------------------- one link does not stall another

for my $stage (qw(greeting lhlo)) {
    my $sink = Mail::Wire::Sink->new(delay => { $stage => 300 }, only_link => 2);
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 2);
    in_time("a second link that hangs at $stage" => sub {
        submit_to($pool, $_) for 1 .. 400;
        is_deeply(results_of($pool), { map { $_ => '1 250' } 1 .. 400 }, '... the first one has sent all');
    });
    is($pool->stats->{links_opened}, 1, '... and is the only one');
}

{
    my $sink = Mail::Wire::Sink->new(delay => { final => 300 }, only_link => 1);
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 2, Window => 2);
    in_time('a link that hangs at the answer' => sub {
        submit_to($pool, $_) for 1 .. 30;
        my %told;
        while (keys %told < 28) { my $delivery = $pool->collect; $told{ $delivery->tag } = codes($delivery->results) }
        is_deeply([ grep { $_ ne '250' } values %told ], [], '... the other one sends what is not on it');
    });
    $pool->close;
    is(scalar(grep {/421/} values %{ results_of($pool) }), 2, '... whose messages are deferrals when it is closed');
}

{
    my $dead = Mail::Wire::Sink->new(delay => { lhlo => 300 });
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new([ $dead->url, $sink->url ], StageTimeout => { lhlo => 0.1 });
    in_time('a server that does not answer LHLO' => sub {
        submit_to($pool, $_) for 1 .. 3;
        is_deeply(results_of($pool), { map { $_ => '1 250' } 1 .. 3 }, '... the next URL');
    });
}

# ---------------------------------------------------------------- time

{
    my $silent = Mail::Wire::Sink->new(delay => { final => 300 });
    my $pool = Mail::Wire::Pool->new($silent->url, StageTimeout => { final => 0.2 });
    in_time('a server that does not answer a message' => sub {
        submit_to($pool, 1);
        is_deeply(results_of($pool), { 1 => '1 421?' }, '... is not waited for any longer');
    });

    my $mute = Mail::Wire::Sink->new(delay => { greeting => 300 });
    my $waiting = Mail::Wire::Pool->new($mute->url);
    in_time('a deadline that ends while a message waits for a link' => sub {
        $waiting->submit(From => 'a@x', To => 'b@x', Data => "x\n", Tag => 1, Deadline => 0.2);
        is_deeply(results_of($waiting), { 1 => '1 421-connect' }, '... is the end of it');
    });

    my $closed = Mail::Wire::Pool->new($silent->url, Blocking => 0, InDoubt => 'resend');
    my $is_sent = 0;
    $closed->submit(From => 'a@x', To => 'b@x', Data => "x\n", Tag => 1, Progress => sub { my ($sent, $total) = @_; $is_sent = $sent == $total });
    for (1 .. 3000) {
        $closed->advance;
        last if $is_sent;
        select undef, undef, undef, 0.01;
    }
    $closed->close;
    is_deeply(results_of($closed), { 1 => '1 421?' }, 'a pool that is closed behind a whole message: it is in doubt');
    is_deeply([ grep {/\AQUIT/} $silent->commands ], [], '... and nothing is said in the middle of it');
}

{
    my $sink = Mail::Wire::Sink->new(final => '451 later');
    my $pool = Mail::Wire::Pool->new($sink->url, Backoff => 300);
    in_time('a deadline that ends while a message waits to be sent again' => sub {
        $pool->submit(From => 'a@x', To => 'b@x', Data => "x\n", Tag => 1, Deadline => 0.5);
        is_deeply(results_of($pool), { 1 => '1 421-connect' }, '... is the end of it');
    });

    my $late = Mail::Wire::Sink->new(final => sub { $late++ ? undef : '451 later' });
    my $order = Mail::Wire::Pool->new($late->url, Backoff => 300, Links => 1);
    in_time('what is sent later holds up nothing' => sub {
        submit_to($order, $_) for 1 .. 10;
        my @tags = map { $order->collect->tag } 1 .. 9;
        is_deeply(\@tags, [ 2 .. 10 ], '... behind it');
    });
    $order->close;
    is_deeply(results_of($order), { 1 => '1 421-connect' }, '... and a pool that is closed gives it up');
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Rate => 40);
    my $began = Time::HiRes::time();
    submit_to($pool, $_) for 1 .. 24;
    $pool->finish;
    cmp_ok(Time::HiRes::time() - $began, '>=', 0.45, 'Rate: 24 messages at 40 a second, of which four may go at once, take half a second');
    is_deeply(results_of($pool), { map { $_ => '1 250' } 1 .. 24 }, '... and all are sent');
}

# ---------------------------------------------------------------- handlers that die

for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol);
    my $pool = Mail::Wire::Pool->new($sink->url, Backlog => 20, Window => 10);
    my ($deaths, $sent, $is_armed, %told) = (0, 0, 0);
    local $SIG{ALRM} = sub { return if not $is_armed; $deaths++; die "alarm\n" };
    my $killed = sub {
        my ($code) = @_;
        Time::HiRes::ualarm(300 + 97 * ($deaths % 31));
        my $ok = eval { $is_armed = 1; $code->(); $is_armed = 0; 1 };
        my $error = $@;
        ($is_armed, $ok) = (0, $ok || $error eq "alarm\n");
        Time::HiRes::ualarm(0);
        die $error if not $ok;
    };
    while ($sent < 400) {
        my $before = $pool->in_flight;
        $killed->(sub { submit_to($pool, $sent) });
        $sent++ if $pool->in_flight > $before;
    }
    while ($pool->in_flight) {
        my $delivery;
        $killed->(sub { $delivery = $pool->collect });
        $told{ $delivery->tag } .= codes($delivery->results) if $delivery;
    }
    is_deeply(\%told, { map { $_ => '250' } 0 .. 399 }, "$protocol, a handler that dies again and again ($deaths times): each message has one result");
    is_deeply(arrived($sink), { map { $_ => 1 } 0 .. 399 }, '... and came once');
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url);
    my $error = '';
    $pool->submit(From => 'a@x', To => 'b@x', Data => "x\n", Tag => 1, Progress => sub { eval { $pool->collect; 1 } or $error = $@ });
    is_deeply(results_of($pool), { 1 => '1 250' }, 'a message whose Progress calls the pool');
    like($error, qr/collect: called from code that another call on the same pool runs/, '... which croaks');
}

done_testing;
