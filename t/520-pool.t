# Mail::Wire::Pool: messages over several links, what is tried again, and that each recipient has one result.

use strict;
use warnings;

our ($turn, %count, $tried);    # kept by the sinks' processes

use lib 't/lib';
use DeliveryTest qw(codes folder in_time written);
use Gate;
use Interrupt;
use Mail::Wire::Pool;
use Mail::Wire::Sink;
use POSIX ();
use Test::More;

# A handle whose end is an error.
{
    package TruncatedHandle;
    sub made      { return bless { left => "Subject: cut\n\n" }, shift }
    sub read      { my ($self) = @_; my $text = delete $self->{left}; $_[1] = defined $text ? $text : ''; return defined $text ? length $text : -1 }
    sub eof       { return 0 }
    sub opened    { return 1 }
}

sub message { return (From => 'a@x', Data => "Subject: $_[0]\n\nHello.\n", Tag => $_[0]) }

# What is collected: "TAG ATTEMPTS CODES".
sub told {
    my ($pool) = @_;
    my @told;
    while (my $delivery = $pool->collect) { push @told, join ' ', $delivery->tag, $delivery->attempts, codes($delivery->results) }
    return @told;
}

sub subjects {
    return map { $_->{data} =~ /^Subject: (.*?)\r?$/m ? $1 : '' } @_;
}

# ---------------------------------------------------------------- plain

for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol);
    my $pool = Mail::Wire::Pool->new($sink->url);
    my @ids = map { $pool->submit(message($_), To => [ 'b@x', 'c@x' ]) } 1 .. 200;
    is_deeply(\@ids, [ 1 .. 200 ], "$protocol: ids count over all links");
    is($pool->in_flight, 200, '... all are in flight until they are collected');
    my %seen;
    while (my $delivery = $pool->collect) {
        $seen{ $delivery->id } = join ' ', $delivery->tag, $delivery->attempts, codes($delivery->results);
    }
    is_deeply(\%seen, { map { $_ => "$_ 1 250 250" } @ids }, '... each has its tag and results');
    is($pool->in_flight + $pool->backlog + $pool->unanswered, 0, '... and nothing is left');
    my $stats = $pool->stats;
    is("@{$stats}{qw(sent retried in_doubt links_opened links_lost links)}", '200 0 0 4 0 4', '... over four links');
    is_deeply([ sort { $a <=> $b } subjects($sink->messages) ], [ 1 .. 200 ], '... each message once');
    is_deeply([ map {"@$_[ 1, 2 ]"} $pool->fds ], [ ('1 0') x 4 ], '... which are watched for their end');
    { local ($@, $!) = ('kept', 5); ok($pool->close && $@ eq 'kept' && $! == 5, '... and it is closed'); }
    my $quits = 0;    # whose answers nobody waits for
    for (1 .. 3000) {
        last if $protocol ne 'lmtp' or ($quits = grep {/\AQUIT\z/} $sink->commands) == 4;
        select undef, undef, undef, 0.01;
    }
    is($quits, 4, '... in good order') if $protocol eq 'lmtp';
    is(scalar $pool->collect, undef, '... and has nothing more');
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 3);
    $pool->submit(message(1), To => 'b@x');
    is_deeply([ told($pool) ], ['1 1 250'], 'one message');
    is($pool->stats->{links_opened}, 1, '... opens one link');
    $pool->submit(message(2), To => 'b@x');
    ok($pool->finish, 'finish waits');
    is_deeply([ $pool->unanswered, $pool->in_flight ], [ 0, 1 ], '... and leaves results to be collected');
    is($pool->stats->{links_opened}, 1, '... the link serves the next one as well');
}

# ---------------------------------------------------------------- order

{
    my $sink = Mail::Wire::Sink->new(final => sub { $_[1]{data} =~ /^Subject: 3\r$/m && !$tried++ ? '451 later' : undef });
    my $pool = Mail::Wire::Pool->new($sink->url, InOrder => 1, Backoff => 0.01);
    $pool->submit(message($_), To => 'b@x') for 1 .. 50;
    is_deeply([ told($pool) ], [ map { $_ . ($_ == 3 ? ' 2 250' : ' 1 250') } 1 .. 50 ], 'InOrder: as submitted');
}

# ---------------------------------------------------------------- what is tried again

{
    my $sink = Mail::Wire::Sink->new(
        rcpt  => { 'no@x' => '550 5.1.1 none' },
        final => sub { my ($to) = @_; $to =~ /\Alater([0-9])/ && ++$count{$to} <= $1 ? '452 4.2.2 later' : undef });
    my $pool = Mail::Wire::Pool->new($sink->url, Backoff => [ 0.01, 0.02 ], Links => 1);
    $pool->submit(message('some'), To => [ 'later1@x', 'b@x', 'no@x', [ 'later2@x', {} ], 'later9@x' ]);
    my $delivery = $pool->collect;
    is(codes($delivery->results), '250 250 550-rcpt 250 452', 'each recipient has its last result');
    is(join(' ', map { $_->recipient . ' ' . $_->index } $delivery->results), 'later1@x 0 b@x 1 no@x 2 later2@x 3 later9@x 4', '... in its place');
    is($delivery->attempts, 4, '... after the first attempt and three more');
    my @sent = map { join ' ', map { $_->{address} } @{ $_->{recipients} } } $sink->messages;
    is_deeply(\@sent, [ 'later1@x b@x no@x later2@x later9@x', 'later1@x later2@x later9@x', 'later2@x later9@x', 'later9@x' ],
        '... and who was answered got nothing again');
    is_deeply([ @{ $pool->stats }{qw(sent retried)} ], [ 4, 3 ], '... which is counted');

    $sink->clear;
    $pool->submit(message('rest'), To => [ 'later2@a', 'b@x', 'later2@b' ], Deadline => 300);
    is_deeply([ told($pool) ], ['rest 3 250 250 250'], 'all that are left are deferred again');
    is_deeply([ map { scalar @{ $_->{recipients} } } $sink->messages ], [ 3, 2, 2 ], '... and still nobody else gets it again');

    my $slow = Mail::Wire::Pool->new($sink->url, Blocking => 0, Backoff => 300);
    $slow->submit(message('half'), To => [ 'b@x', 'later9@c', 'no@x' ]);
    for (1 .. 3000) {
        $slow->advance;
        last if @{ $slow->{delayed} };
        select undef, undef, undef, 0.01;
    }
    $slow->close;
    is_deeply([ told($slow) ], ['half 1 250 421-connect 550-rcpt'], 'close: who has been answered keeps his result');

    my $job = Mail::Wire::Pool::Job->new([ message('late'), To => 'b@x', Deadline => 100 ]);
    $job->[Mail::Wire::Pool::Job::ENDS] -= 60;
    my %argument = @{ $job->arguments };
    ok($argument{Deadline} > 0 && $argument{Deadline} <= 40, 'a link is told what is left of Deadline') or diag explain \%argument;

    my $never = Mail::Wire::Pool->new($sink->url, Retries => 0);
    $never->submit(message('once'), To => 'later8@x');
    is_deeply([ told($never) ], ['once 1 452'], 'Retries => 0');

    my @asked;
    my $code = Mail::Wire::Pool->new($sink->url, Backoff => sub { push @asked, $_[0]; 0 });
    $code->submit(message('code'), To => 'later9@x.example');
    $code->finish;
    is_deeply(\@asked, [ 1, 2, 3 ], 'Backoff by code');

    my $dies = Mail::Wire::Pool->new($sink->url, Links => 1, Backoff => sub { @asked ? (shift @asked, die "no time\n") : 0 });
    $dies->submit(message('dies'), To => [ 'c@x', 'later1@y', 'no@x', 'later1@z' ]);
    my $deaths = 0;
    until (eval { $dies->finish }) { last if ++$deaths > 9 }
    is($deaths, 3, 'Backoff that dies');
    $delivery = $dies->collect;
    is(codes($delivery->results), '250 250 550-rcpt 250', '... costs no recipient its own result');
    is_deeply([ map { $_->recipient } $delivery->results ], [ 'c@x', 'later1@y', 'no@x', 'later1@z' ], '... in its place');
    is($delivery->attempts, 2, '... and is no attempt');
}

# ---------------------------------------------------------------- content that is held

{
    my $later = sub { ++$turn % 2 ? '451 later' : undef };
    my @lines = ("Subject: 1\n", "\n", "Held.\n");
    my $text  = join '', @lines;
    my $file  = written('held', $text);
    my $big   = "Subject: 1\n\n" . ('x' x 70 . "\n") x 30_000;
    open my $fh, '<', $file or die $!;
    open my $pipe, "cat '$file' |" or die $!;
    my $fifo = folder() . '/fifo';
    POSIX::mkfifo($fifo, 0600) or die "$fifo: $!";
    system("cat '$file' > '$fifo' &");
    my @code = @lines;
    my @big = unpack '(a60000)*', $big;
    my %kind = (
        list => [ Data => [@lines] ], reference => [ Data => \$text ], code => [ Data => sub { shift @code } ],
        handle => [ Data => $fh ], pipe => [ Data => $pipe ], file => [ File => $file ], fifo => [ File => $fifo ], stretch => [ Range => [ $file, 0, length $text ] ],
        'much code' => [ Data => sub { shift @big } ],
    );
    for my $name (sort keys %kind) {
        my $sink = Mail::Wire::Sink->new(final => $later);
        my $pool = Mail::Wire::Pool->new($sink->url, Backoff => 0);
        $pool->submit(From => 'a@x', To => 'b@x', @{ $kind{$name} });
        my $delivery = $pool->collect;
        is(codes($delivery->results) . ' ' . $delivery->attempts, '250 2', "content from $name is sent again");
        (my $wire = $name eq 'much code' ? $big : $text) =~ s/\n/\r\n/g;
        is_deeply([ map { $_->{data} eq $wire ? 'same' : 'other' } $sink->messages ], [ 'same', 'same' ], '... as it was');
    }
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Backoff => 0);
    my $file = written('gone', "x\n" x 100_000);
    open my $fh, '<', $file or die $!;
    $pool->submit(From => 'a@x', To => [ 'b@x', 'c@x' ], Range => [ $file, 100_000, 200_000 ], Tag => 'short');
    is_deeply([ told($pool) ], ['short 4 421-body 421-body'], 'a stretch that is not there: deferrals');
    my $died = !eval { $pool->submit(From => 'a@x', To => 'b@x', Data => sub { die "no more\n" }); 1 };
    is($@, "no more\n", 'code that dies comes out of submit');
    is($pool->in_flight, 0, '... and the message is not taken');
}

# What is told of content that cannot be had, or of a mistake, when it is found: nobody else waits for it, and no part of it is sent.
{
    my $sink = Mail::Wire::Sink->new(dsn => 1);
    my $pool = Mail::Wire::Pool->new($sink->url, Blocking => 0, Links => 1, Rate => 0.001);
    $pool->{tokens} = 0;    # nothing is handed to a link yet
    my $file = written('passing', "x\n");
    my ($first, @to) = ('first@x', 'second@x');
    my @range = (written('kept', "Subject: kept\n\n"), 0, 15);
    $pool->submit(From => 'a@x', To => 'b@x', File => $file, Tag => 'gone');
    $pool->submit(From => 'a@x', To => 'b@x', Data => TruncatedHandle->made, Tag => 'cut');
    $pool->submit(message('mistaken'), To => [ [ 'b@x', { Notify => ['ALWAYS'] } ] ]);
    $pool->submit(From => 'a@x', To => [ $first, @to ], Range => \@range, Tag => 'kept');
    my $list = [ 'b@x', 'c@x' ];
    $pool->submit(message('list'), To => $list);
    unlink $file or die "$file: $!";
    @range = @$list = ();
    $pool->{set}{Rate} = 0;
    select undef, undef, undef, 0.01 while $pool->advance;
    is_deeply([ sort { $a cmp $b } told($pool) ], [ 'cut 1 421-body', 'gone 1 421-body', 'kept 1 250 250', 'list 1 250 250', 'mistaken 1 501-mail' ],
        'what cannot be sent has its results, and holds up nothing');
    is_deeply([ sort { $a cmp $b } subjects($sink->messages) ], [qw(kept list)], '... and what the caller does to his lists does nothing');
    is_deeply([ map { $_->{address} } map { @{ $_->{recipients} } } $sink->messages ], [qw(first@x second@x b@x c@x)], '... to nobody else');
}

# ---------------------------------------------------------------- mistakes

{
    my $pool = Mail::Wire::Pool->new('lmtp://127.0.0.1:1');
    my @cases = (
        [ [ 'odd' ], qr/odd number of arguments/ ],
        [ [ From => 'a@x', To => 'b@x', Data => '', 'Tag' ], qr/odd number of arguments/ ],
        [ [ message(1) ], qr/To must be an address/ ],
        [ [ message(1), To => [] ], qr/To must be an address/ ],
        [ [ message(1), To => 'b@x', Nonsense => 1 ], qr/unknown argument Nonsense/ ],
        [ [ message(1), To => 'b@x', Encoding => 'dos' ], qr/unknown argument Encoding/ ],
        [ [ message(1), To => 'b@x', Deadline => -1 ], qr/Deadline must be/ ],
        [ [ From => 'a@x', To => 'b@x', Data => {} ], qr/Data must be/ ],
        [ [ From => 'a@x', To => 'b@x', Data => "\x{263a}" ], qr/Wide character/ ],
        [ [ From => 'a@x', To => 'b@x', File => '/nowhere/at/all' ], qr/cannot read .nowhere/ ],
        [ [ From => 'a@x', To => 'b@x', Range => [ 1, 2 ] ], qr/Range must be/ ],
        [ [ From => 'a@x', To => 'b@x' ], qr/Data, File or Range is needed/ ],
    );
    for my $case (@cases) {
        my ($args, $pattern) = @$case;
        ok(!eval { $pool->submit(@$args); 1 }, "submit croaks: $pattern");
        like($@, $pattern, '... and says why');
        like($@, qr/ at \Q$0\E line /, '... naming the line that called it');
    }
    is($pool->in_flight, 0, '... and nothing was taken');

    my @options = (
        [ Nonsense => 1, qr/unknown option 'Nonsense'/ ], [ Host => 'x', qr/unknown option 'Host'/ ], [ links => 4, qr/unknown option 'links'/ ],
        [ Links => 0, qr/Links must be/ ], [ Links => 256, qr/255 at the most/ ], [ Retries => -1, qr/Retries must be/ ],
        [ Backoff => 'x', qr/Backoff must be/ ], [ Backoff => [], qr/Backoff must be/ ], [ InDoubt => 'send', qr/InDoubt must be/ ],
        [ Rate => 'fast', qr/Rate must be/ ], [ Window => 'x', qr/Window must be/ ], [ Timeout => 'x', qr/Timeout must be/ ],
        [ ConnectTimeout => 1, qr/unknown option/ ],
    );
    for my $case (@options) {
        my ($name, $value, $pattern) = @$case;
        ok(!eval { Mail::Wire::Pool->new('lmtp://127.0.0.1:1', $name => $value); 1 }, "new croaks: $pattern");
        like($@, $pattern, '... and says why');
    }
    ok(!eval { Mail::Wire::Pool->new('http://127.0.0.1'); 1 }, 'new croaks for a URL that is none');
    like($@, qr/no such scheme/, '... and says why');
    ok(Mail::Wire::Pool->new('qmtp://127.0.0.1', ConnectTimeout => 1), 'an option of the class that the URL is of');
}

# ---------------------------------------------------------------- no server

{
    my $sink = Mail::Wire::Sink->new;
    my $gone = Mail::Wire::Sink->new;
    my $url = $gone->url;
    $gone->stop;
    my $pool = Mail::Wire::Pool->new([ $url, $sink->url ], Backoff => 0.01);
    $pool->submit(message($_), To => 'b@x') for 1 .. 10;
    is_deeply([ sort { $a cmp $b } told($pool) ], [ sort { $a cmp $b } map {"$_ 1 250"} 1 .. 10 ], 'the next URL where the first one does not answer');

    my $none = Mail::Wire::Pool->new($url, Backoff => 0.01, Retries => 2);
    $none->submit(message($_), To => [ 'b@x', 'c@x' ]) for 1 .. 2;
    my $delivery = $none->collect;
    is(codes($delivery->results), '421-connect 421-connect', 'nobody answers: deferrals');
    like(($delivery->results)[0]->message, qr/connect to 127\.0\.0\.1/, '... that say why');
    is($delivery->attempts, 3, '... after all attempts');
    $none->finish;
}

# ---------------------------------------------------------------- event loops

# Content that can be read once is the caller's until its message is taken.
{
    my $gone = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($gone->url, Blocking => 0, Backlog => 1, Backoff => 1000);
    $gone->stop;
    $pool->submit(message(0), To => 'b@x');
    my @pieces = ("Subject: once\n", "\n");
    open my $handle, '<', \"Subject: once\n\n" or die $!;
    ok(!defined $pool->submit(From => 'a@x', To => 'b@x', Data => $_), 'there is no room for another message') for sub { shift @pieces }, $handle;
    is(scalar @pieces, 2, '... and code is not asked for its content');
    ok(!eof $handle, '... nor is a handle read');
    $pool->close;
    $pool->collect;
    ok(defined $pool->submit(From => 'a@x', To => 'b@x', Data => sub { shift @pieces }) && !@pieces, '... as it is when the message is taken');
    $pool->close;
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Blocking => 0, Backlog => 20, Window => 5, Links => 2);
    my ($sent, $refused, $done) = (0, 0, 0);
    while ($done < 300) {
        $pool->advance;
        $done++ while $pool->collect;
        while ($sent < 300) {
            if (defined $pool->submit(message($sent), To => 'b@x')) { $sent++ }
            else { $refused++; last }
        }
        my ($read, $write) = ('', '');
        for my $place ($pool->fds) {
            my ($fd, $reads, $writes) = @$place;
            vec($read, $fd, 1) = 1 if $reads;
            vec($write, $fd, 1) = 1 if $writes;
        }
        select $read, $write, undef, $pool->timeout_in if $done < 300;
    }
    is($done, 300, 'Blocking => 0: driven by a loop');
    $pool->submit(message(0), To => 'b@x');
    select undef, undef, undef, 0.01 while $pool->advance;
    is($pool->timeout_in, 0, '... which does not wait while there is something to collect');
    ok($pool->collect, '... such as this');
    is($pool->timeout_in, undef, '... behind which there is nothing to do');
    cmp_ok($refused, '>', 0, '... where submit does not take what there is no room for');
    is($pool->advance, 0, '... and nothing is left');

    $pool->submit(message(1), To => 'b@x');
    ok(!eval { $pool->finish; 1 }, 'finish would have to wait');
    like($@, qr/would have to wait/, '... and croaks');
    $pool->close;
    like(join(' ', told($pool)), qr/\A1 1 (?:250|421)/, 'close: each message has its result');
}

# ---------------------------------------------------------------- halt

# Waits that would be longer than any test: the handler of a signal ends them.
{
    my $sink = Mail::Wire::Sink->new(rcpt => { 'no@x' => '550 none' }, final => { 'later@x' => '452 later' });
    my $gone = Mail::Wire::Sink->new;
    my $url = $gone->url;
    $gone->stop;
    my @cases = (
        [ 'what is to be tried again', $sink->url, {}, sub { @{ $_[0]{delayed} } }, '1 1 452 250 550-rcpt' ],
        [ 'a server that is away', $url, {}, sub { $_[0]{failures} }, '1 1 421-connect 421-connect 421-connect' ],
        [ 'a rate', $sink->url, { Rate => 0.001 }, sub { @{ $_[0]{ready} } }, '0 1 250 1 1 421-connect 421-connect 421-connect' ],
        [ 'results in order', $sink->url, { InOrder => 1 }, sub { @{ $_[0]{delayed} } }, '1 1 452 250 550-rcpt' ],
    );
    for my $case (@cases) {
        my ($name, $server, $options, $waits, $expected) = @$case;
        for my $method (qw(collect finish)) {
            my $pool = Mail::Wire::Pool->new($server, Backoff => 3000, Links => 1, %$options);
            if ($options->{Rate}) { $pool->submit(message(0), To => 'b@x') }
            $pool->submit(message(1), To => [qw(later@x b@x no@x)]);
            my @told;
            in_time("halt ends $method: $name" => sub {
                my ($ran, $error) = interrupt(sub { $waits->($pool) }, sub { $pool->halt('stopped') },
                    sub { $pool->finish if $method eq 'finish'; @told = told($pool) });
                is("$ran $error", '1 ', '... by a handler that does not die');
            });
            is("@told", $expected, '... each message has its last results');
            $pool->submit(message(2), To => 'b@x');
            my $delivery = $pool->collect;
            is(codes($delivery->results), '421-connect', '... what is submitted later is not begun');
            like(($delivery->results)[0]->message, qr/stopped\z/, '... and why');
            is_deeply([ grep {/m2/} $sink->commands ], [], '... nor sent');
            $pool->close;
        }
    }
    my $pool = Mail::Wire::Pool->new($sink->url);
    $pool->halt;
    $pool->close;
    $pool->submit(message(1), To => 'b@x');
    is_deeply([ told($pool) ], ['1 1 250'], 'behind close it is over');
    my $loop = Mail::Wire::Pool->new($url, Blocking => 0, Backoff => 3000);
    $loop->submit(message(1), To => 'b@x');
    $loop->halt;
    is($loop->timeout_in, 0, 'Blocking => 0: there is something to do');
    is($loop->advance, 0, '... and it is done');
    is_deeply([ told($loop) ], ['1 1 421-connect'], '... and told');
}

# What is on a link is waited for, and not tried again.
{
    my $gate = Gate->new;
    my $sink = Mail::Wire::Sink->new(final => $gate->rule('451 later'), delay => { greeting => 300 }, only_link => 2);
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 2, Window => 5, Backoff => 0);
    $pool->submit(message($_), To => 'b@x') for 1 .. 50;
    my $is_deep = sub { $gate->is_reached and @{ $pool->{links}[0]{jobs} } > 1 and @{ $pool->{openings} } };
    my ($ran) = interrupt($is_deep, sub { $pool->halt; $gate->open }, sub { $pool->finish });
    is($ran, 1, 'halt while messages are on their way, and a link is opened');
    my %told = map { /\A([0-9]+) 1 (.*)/ } told($pool);
    is(scalar keys %told, 50, '... each has its results');
    my @answered = sort grep { $told{$_} eq '451' } keys %told;
    is_deeply([ sort(subjects($sink->messages)) ], \@answered, '... who are on their way are waited for, and not tried again');
    is(scalar(grep { $_ eq '421-connect' } values %told), 50 - @answered, '... the others are not begun');
    $pool->close;
    $pool->submit(message(51), To => 'b@x');
    $pool->finish;
    is(($sink->messages)[-1]{link}, 3, '... and no link is opened for them');
}

# How long nothing is to be done: name, the server, options, arguments, at least and at most so many seconds.
{
    my $later   = Mail::Wire::Sink->new(final => '451 later');
    my $silent  = Mail::Wire::Sink->new(delay => { greeting => 300 });
    my $none    = Mail::Wire::Sink->new;
    my $refused = $none->url;
    $none->stop;
    my $is_delayed = sub { @{ $_[0]{delayed} } };
    for my $case (
        [ 'until a message is sent again', $later->url, [ Backoff => 300 ], [], $is_delayed, 100, 300 ],
        [ 'until its deadline', $later->url, [ Backoff => 300 ], [ Deadline => 90 ], $is_delayed, 1, 90 ],
                [ 'until a link is opened again', $refused, [ Backoff => 300 ], [], sub { $_[0]{failures} }, 100, 300 ],
        [ 'until Rate allows it', $silent->url, [ Rate => 0.01, Timeout => 0, StageTimeout => { greeting => 0 } ], [], sub { $_[0]{tokens} < 1 }, 10, 100, 1 ],
    ) {
        my ($name, $url, $options, $arguments, $is_there, $least, $most, $spent) = @$case;
        my $pool = Mail::Wire::Pool->new($url, Blocking => 0, Links => 1, @$options);
        $pool->{tokens} = 0 if $spent;
        $pool->submit(message(1), To => 'b@x', @$arguments);
        for (1 .. 1000) {
            $pool->advance;
            last if $is_there->($pool);
            select undef, undef, undef, 0.01;
        }
        $pool->advance for 1 .. 3;
        cmp_ok($pool->{failures}, '<=', 1, '... and what failed is left in peace meanwhile') if $url eq $refused;
        my $seconds = $pool->timeout_in;
        ok(defined $seconds && $seconds >= $least && $seconds <= $most, "timeout_in: $name") or diag explain $seconds;
        $pool->close;
        is_deeply([ $pool->fds ], [], '... and a pool that is closed waits for nothing');
    }

    my $at_once = Mail::Wire::Pool->new($later->url, Blocking => 0, Links => 1, Backoff => 0);
    $at_once->submit(message(1), To => 'b@x');
    for (1 .. 3000) {
        $at_once->advance;
        last if $is_delayed->($at_once);
        select undef, undef, undef, 0.01;
    }
    is($at_once->timeout_in, 0, 'timeout_in: when a message may go at once');
    $at_once->close;

    my $rated = Mail::Wire::Pool->new($later->url, Rate => 40);
    $rated->{filled_at} -= 1000;
    $rated->_may_send;
    cmp_ok($rated->{tokens}, '<=', 4, 'Rate: what was not used is not saved up');

    my $full = Mail::Wire::Pool->new($silent->url, Blocking => 0, Backlog => 2);
    is_deeply([ map { $full->submit(message($_), To => 'b@x') } 1 .. 3 ], [ 1, 2 ], 'Backlog => 2: the third one is not taken');
    $full->advance;
    is(scalar(() = $full->fds), 2, '... while links are opened');
    $full->close;
    is_deeply([ $full->fds ], [], '... which close gives up');
}

{
    my $sink = Mail::Wire::Sink->new;
    my $pool = Mail::Wire::Pool->new($sink->url, Blocking => 0);
    $pool->submit(message(1), To => 'b@x');
    my $delivery;
    for (1 .. 3000) {
        last if $delivery = $pool->collect;
        select undef, undef, undef, 0.01;
    }
    ok($delivery, 'Blocking => 0: collect alone is enough');
    my $signals = 0;
    local $SIG{USR1} = sub { $signals++ };
    kill USR1 => $$;
    is($signals, 1, '... and signals come as before');
}

{
    my $sink = Mail::Wire::Sink->new(final => sub { $_[1]{data} =~ /^Subject: 1\r$/m ? '451 later' : undef });
    my $pool = Mail::Wire::Pool->new($sink->url, Blocking => 0, InOrder => 1, Backoff => 300);
    $pool->submit(message($_), To => 'b@x') for 1 .. 3;
    for (1 .. 3000) {
        last if $pool->advance == 1;
        select undef, undef, undef, 0.01;
    }
    is_deeply([ $pool->unanswered, $pool->in_flight ], [ 1, 3 ], 'InOrder: what waits for another one is answered');
    $pool->close;
}

# ---------------------------------------------------------------- the end of a pool

{
    my $sink = Mail::Wire::Sink->new(delay => { final => 5 });
    my @warned;
    {
        local $SIG{__WARN__} = sub { push @warned, @_ };
        my $pool = Mail::Wire::Pool->new($sink->url);
        $pool->submit(message(1), To => 'b@x');
    }
    is_deeply(\@warned, ["Mail::Wire::Pool: 1 submitted message was unanswered when the pool went: call collect or finish before\n"],
        'a pool that goes with unanswered messages warns');
}

done_testing;
