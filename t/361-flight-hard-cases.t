# Deliveries in the cases that lose mail elsewhere, one by one: what exactly is said of each recipient.

use strict;
use warnings;

use IO::Select;
use Test::More;

use lib 't/lib';
use DeliveryTest;
use FlightTest;
use Net::LMTP;
use ScriptedServer;

# For a reply that does not come, in seconds.
use constant SHORT => 0.1;

my $server = FlightServer->new;
my @pipelining = ('PIPELINING', '8BITMIME');
my %keywords = keywords_of('one at a time', 'pipelining', 'streams');
my @kinds = sort keys %keywords;
my @quiet = (short => { quiet => 0.05 });

sub expect {
    my ($name, $kind, $lies, $messages, $expected, %more) = @_;
    my ($results) = fly($server, "$name ($kind): judged",
        server => { keywords => $keywords{$kind}, lies => $lies, %{ $more{server} || {} } }, client => $more{client}, messages => $messages,
        map { exists $more{$_} ? ($_ => $more{$_}) : () } qw(how short short_at exact unseen));
    is_deeply [ map { codes(@{ $results->{ $_->{name} } }) } @$messages ], $expected, "$name ($kind)";
    return $results;
}

sub big {
    my ($message, $size) = @_;
    $message->{data} = "0123456789abcd\n" x ($size / 15);
    return $message;
}

# ---- a second LHLO that is refused, or answered in another way: the link is served without fences

for my $second (
    ['503 5.5.1 once is enough'], ['500 what?'], ['250 server.example'], [ '250-server.example', '250 PIPELINING' ],
    [ '250-server.example hi', '250-PIPELINING', '250-8BITMIME', '250 Ok SESSIONID=<1>' ],
) {
    for my $kind (qw(pipelining streams)) {
        expect("a second LHLO is answered '$second->[-1]'", $kind, { 'lhlo 2' => { instead => $second } },
            [ message('m1', 'a@x'), message('m2', 'a@x', 'full@x') ], [ '250', '250 452' ], exact => 1, $second->[-1] =~ /\A503/ ? () : @quiet);
    }
}

# The same where final replies are missing: what LHLO is answered by is nobody's, and the recipients may have the message.
for my $second ('503 5.5.1 once is enough', '250 OK') {
    for my $kind (qw(pipelining streams)) {
        expect("one reply for three, and '$second' to LHLO", $kind,
            { 'final m1 1' => { instead => [] }, 'final m1 2' => { instead => [] }, 'lhlo 2' => { instead => [$second] } },
            [ message('m1', 'a@x', 'b@x', 'c@x') ], ['250 421? 421?'], short => { next => SHORT });
    }
}

# Cyrus ends LHLO's reply with words that change: names and keywords count.
for my $kind (qw(pipelining streams)) {
    my @lines = map { [ '250-server.example other words', (map {"250-$_"} @{ $keywords{$kind} }), "250 Ok SESSIONID=<$_>" ] } 1 .. 9;
    expect('the last line of LHLO changes', $kind, { map { ("lhlo $_" => { instead => $lines[ $_ - 1 ] }) } 1 .. 9 },
        [ message('m1', 'a@x'), message('m2', 'a@x', 'full@x'), message('m3', 'a@x') ], [ '250', '250 452', '250' ],
        exact => 1);
}

# The true reply is the second one, and LHLO's comes late: nothing that a wait could tell from a refused LHLO.
expect('a reply too many, 5xx, in the place of a slow fence', 'pipelining',
    { 'final m1 0' => { before => ['250 over'] }, 'lhlo 2' => { wait => 0.2 } }, [ message('m1', 'bad@x') ], ['421?'], @quiet);

# ---- positive replies that come before their message

for my $kind (@kinds) {
    next if $kind eq 'streams';
    my $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'body m1' => { after => ['250 early'], mark => 'early' } } });
    my $n = 0;
    my @results = $lmtp->deliver(From => 'm1@x', To => ['bad@x'], Data => sub {
        return "0123456789abcde\n" x 8192 if ++$n < 10;
        $server->await('early') if $n == 10;
        return $n == 10 ? "the end\n" : undef;
    });
    is codes(@results), '421-body', "250 that comes while the content is written ($kind)";
    undef $lmtp;
    ok !$server->truth->{messages}{m1}{ended}, 'and the end is not sent';
}
expect('joined replies before the end', 'pipelining', { 'body m1' => { after => [ '250-early', '250 early' ], then => 'hang' } },
    [ big(message('m1', 'a@x', 'b@x'), 8_000_000) ], ['421-body 421-body'], client => { JoinedReplies => 1 });

# ---- bytes that nobody asked for

for my $kind (@kinds) {
    for my $stray ('250 stray', '550 stray', 'stray') {
        my $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'noop 1' => { after => [$stray], mark => 'stray' } } });
        is codes($lmtp->deliver(From => 'm1@x', To => ['a@x'], Data => "text\n")), '250', 'before a stray reply';
        $lmtp->command('NOOP')->response;
        $server->await('stray');
        is codes($lmtp->deliver(From => 'm2@x', To => ['a@x'], Data => "text\n")), '421-connect', "'$stray' is credited to nobody ($kind)";
        undef $lmtp;
        ok !$server->truth->{messages}{m2}, 'and nothing is sent behind it';
    }
}

# ---- 421

for my $kind (@kinds) {
    my @three = (message('m1', 'a@x', 'b@x', 'c@x'), message('m2', 'a@x'));
    for my $then (undef, 'close', 'finish', 'reset') {
        expect('421 to the second of three, nothing behind it, ' . ($then || 'open'), $kind,
            { 'final m1 1' => { instead => ['421 4.3.2 bye'], gives => 421, then => $then || 'hang' } }, \@three,
            [ '250 421 421?', '421-connect' ], short => { next => SHORT }) if !$then || $then ne 'reset';
    }
    for my $then (qw(close finish)) {
        expect("the link ends behind the first of three, $then", $kind, { 'final m1 0' => { then => $then } }, [ $three[0] ],
            ['250 421? 421?']);
        expect("the link ends behind the last of three, $then", $kind, { 'final m1 2' => { then => $then } }, [ $three[0] ],
            ['250 250 250']);
    }
    expect('silence behind the first of three', $kind, { 'final m1 0' => { then => 'hang' } }, \@three,
        [ '250 421? 421?', '421-connect' ], short => { next => SHORT });
    expect('421 to the second of three, the third behind it', $kind, { 'final m1 1' => { instead => ['421 4.3.2 bye'], gives => 421 } }, \@three,
        [ '250 421 250', '421-connect' ]);
    my $results = expect('421 to MAIL', $kind, { 'mail m1' => { instead => ['421 4.3.2 bye'], then => 'close' } }, \@three,
        [ '421-mail 421-mail 421-mail', '421-connect' ]);
    is $results->{m2}[0]->message, '4.3.2 bye', 'the rest has its words';
    expect('421 to the second RCPT', $kind, { 'rcpt m1 1' => { instead => ['421 4.3.2 bye'], then => 'close' } }, \@three,
        [ '421-rcpt 421-rcpt 421-rcpt', '421-connect' ]);
    expect('421 to DATA', $kind, { 'data m1' => { instead => ['421 4.3.2 bye'], then => 'close' } }, \@three,
        [ '421-data 421-data 421-data', '421-connect' ]);
    expect('421 behind the last reply', $kind, { 'final m1 2' => { after => ['421 4.3.2 bye'], then => 'close' } }, \@three,
        [ '250 250 250', '421-connect' ]);
}

# What a fence that holds has to do with it.
expect('one reply for two, and half of a fence', 'pipelining',
    { 'final m1 1' => { instead => [] }, 'lhlo 2' => { instead => ['250-server.example'], then => 'finish' } },
    [ message('m1', 'a@x', 'b@x') ], ['421? 421?']);
expect('half of a fence behind two', 'pipelining', { 'lhlo 2' => { instead => ['250-server.example'], then => 'finish' } },
    [ message('m1', 'a@x', 'b@x') ], ['250 250']);
for my $case ([ 2, '421?', '421-connect 421-connect' ], [ 3, '250', '250 250' ]) {
    my ($nth, @results) = @$case;
    expect("silence in the place of fence $nth", 'pipelining', { "lhlo $nth" => { instead => [], then => 'hang' } },
        [ message('m1', 'a@x'), message('m2', 'a@x', 'b@x') ], \@results, short => { lhlo => SHORT }, short_at => 'm' . ($nth - 1));
}

# A server that answers refused recipients, too, and has no time to be found out; one that is a reply short, and has a reply of its own to the fence.
for my $end (qw(close hang)) {
    my @short = (short => { final => SHORT, next => SHORT, lhlo => SHORT }, server => { keywords => $keywords{pipelining} });
    expect("an answer to the refused, then $end", 'pipelining', { 'final m1 1' => { before => ['550 5.1.1 no'] }, 'final m1 2' => { instead => [], then => $end } },
        [ message('m1', 'no@x', 'a@x', 'b@x') ], ['550-rcpt 421? 421?'], @short);
}
expect('an answer to the refused, then 421', 'pipelining',
    { 'final m1 1' => { before => ['550 5.1.1 no'] }, 'final m1 2' => { instead => ['421 bye'], then => 'close' } },
    [ message('m1', 'no@x', 'a@x', 'b@x') ], ['550-rcpt 421? 421?']);
for my $hello ('250 Ok', '250 server.example', '503 5.5.1 once is enough') {
    expect("a reply short, and '$hello' for the fence", 'pipelining', { 'final m1 1' => { instead => [] }, 'lhlo 2' => { instead => [$hello], then => 'hang' } },
        [ message('m1', 'a@x', 'b@x') ], ['421? 421?'], short => { lhlo => SHORT, next => SHORT });
}
expect('421 to the second of two, nothing behind it', 'pipelining', { 'final m1 1' => { instead => ['421 4.3.2 bye'], gives => 421, then => 'hang' } },
    [ message('m1', 'a@x', 'b@x') ], ['250 421'], short => { rset => SHORT, lhlo => SHORT, next => SHORT });

# Behind a 354 it is believed, in a stream not: see EagerBody.
for my $case ([ 'pipelining', '250' ], [ 'streams', '421?' ], [ 'streams', '250', EagerBody => 0 ]) {
    my ($kind, $result, @options) = @$case;
    my @two = map { message("m$_", 'a@x') } 1 .. 2;
    expect("a server that closes after each message, @options", $kind, { 'final m1 0' => { then => 'close' } }, \@two, [ '250', '421-connect' ],
        client => {@options});
    expect("a server that closes after the second message, @options", $kind, { 'final m2 0' => { then => 'close' } }, \@two, [ '250', $result ],
        client => {@options});
}

# ---- a server that gives up while the content is written

for my $kind (@kinds) {
    for my $then (qw(close finish)) {
        expect("552 early, then $then", $kind, { 'body m1' => { after => ['552 5.3.4 too big'], then => $then } },
            [ big(message('m1', 'a@x', 'b@x'), 8_000_000) ], ['552 421-body'], server => { slow => 0.1 });
    }
    expect('421 early', $kind, { 'body m1' => { after => ['421 4.3.2 bye'], then => 'close' } },
        [ big(message('m1', 'a@x', 'b@x'), 8_000_000) ], ['421-body 421-body'], server => { slow => 0.1 });
}

# The content may be the caller's memory until its last byte has left, whatever was said before.
for my $kind (@kinds) {
    my $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, slow => 0.3,
        lies => { 'body m1' => { after => ['552 5.3.4 too big'] }, 'final m1 0' => { instead => [], gives => 552 } } });
    is codes($lmtp->deliver(From => 'm1@x', To => ['a@x'], Data => join '', map {"line $_ of many, one like the other\n"} 1 .. 200_000)), '552',
        "552 early, and the server reads on ($kind)";
    my @other = map { 'other memory' x 500_000 } 1 .. 3;
    is codes($lmtp->deliver(From => 'm2@x', To => ['a@x'], Data => "text\n")), '250', 'and the link goes on';
    undef $lmtp;
    unlike $server->truth->{messages}{m1}{body}, qr/other memory/, 'with the content as it was';
}

# ---- replies joined into one

my $joins = '220 server.example LMTP Net::Server::Mail (Perl) Service ready';
for my $kind (qw(pipelining), 'one at a time') {
    my @server = (server => { greeting => $joins }, client => { Timeout => 5 }, @quiet);
    my $two = [ message('m1', 'a@x', 'full@x'), message('m2', 'a@x') ];
    my %quiet = ('final m1 1' => { instead => [] });
    expect('joined', $kind, { 'final m1 0' => { instead => [ '250-Ok', '452 b Failed' ], gives => 250 }, %quiet, 'final m1 1' => { instead => [], gives => 452 } },
        $two, [ '250 452', '250' ], @server);
    expect('joined, FIN behind it', $kind, { 'final m1 0' => { instead => [ '250-Ok', '452 b Failed' ], gives => 250, then => 'finish' } },
        [ $two->[0] ], ['250 452'], @server);
    expect('joined, more lines than recipients', $kind, { 'final m1 0' => { instead => [ '250-Ok', '250-Ok', '250 Ok' ], gives => 250 }, %quiet },
        [ $two->[0] ], ['250 421?'], @server);
    expect('joined, less lines than recipients', $kind, { 'final m1 0' => { instead => ['250 Ok'], gives => 250 }, %quiet },
        [ $two->[0] ], ['250 421?'], @server);
    expect('not joined, though the banner says so', $kind, { 'final m1 0' => { instead => [ '250-Ok', '550 no' ] } },
        [ $two->[0] ], ['421? 421?'], @server);
    expect('joined, with a line that is no final reply', $kind, { 'final m1 0' => { instead => [ '354-Ok', '250 Ok' ] }, %quiet },
        [ $two->[0] ], ['421? 421?'], @server);
    expect('one recipient, several lines', $kind, { 'final m1 0' => { instead => [ '250-Ok', '250 done' ], gives => 250 } },
        [ message('m1', 'a@x') ], ['250'], @server);
}

# ---- 354 without a recipient, and replies for refused ones

expect('354 for nobody', 'pipelining', {}, [ message('m1', 'no@x', 'later@x'), message('m2', 'a@x') ], [ '550-rcpt 450-rcpt', '421-connect' ],
    server => { takes_none => 1 });
expect('354 for nobody, MAIL refused', 'pipelining', { 'data m1-nomail' => { instead => ['354 go on'] } },
    [ message('m1-nomail', 'a@x', 'b@x') ], ['550-mail 550-mail']);
for my $kind (@kinds) {
    expect('a final reply for a refused recipient, too', $kind, { 'final m1 0' => { after => ['550 5.1.1 m1 r1 unknown'] } },
        [ message('m1', 'a@x', 'no@x') ], ['421? 550-rcpt']);
}

# ---- silence

for my $kind (@kinds) {
    for my $nth (1, 2) {
        # The first message of a link goes by DATA in any case.
        my $eager = $kind eq 'streams' && $nth == 2;
        my %stage = (
            mail    => $eager ? '421?' : '421-mail',
            rcpt    => $eager ? '421?' : '421-rcpt',
            data    => '421-data',
            final   => '421?',
        );
        delete $stage{data} if $eager;
        for my $stage (sort keys %stage) {
            my $point = "$stage m$nth" . ($stage =~ /rcpt|final/ ? ' 0' : '');
            expect("silence at $point", $kind, { $point => { instead => [], then => 'hang' } }, [ map { message("m$_", 'a@x') } 1 .. $nth + 1 ],
                [ ('250') x ($nth - 1), $stage{$stage}, '421-connect' ], short => { $stage => SHORT }, short_at => "m$nth");
        }
    }
    expect('one reply for two, and silence', $kind, { 'final m1 1' => { instead => [], then => 'hang' } }, [ message('m1', 'a@x', 'b@x') ],
        ['250 421?'], short => { next => SHORT });
    my $some = $kind eq 'one at a time' ? '250 421?' : '421? 421?';
    expect('one reply for two', $kind, { 'final m1 1' => { instead => [] } }, [ message('m1', 'a@x', 'b@x') ], [$some],
        $kind eq 'one at a time' ? (short => { next => SHORT }) : ());
}

# ---- Deadline

for my $kind (@kinds) {
    my $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'mail m1' => { instead => [], then => 'hang' } } },
        short => { mail => 0.5 });
    $lmtp->submit(From => 'm1@x', To => ['a@x'], Data => "text\n");
    my $cpu = (times)[0];
    my @results = $lmtp->deliver(From => 'm2@x', To => [ 'a@x', "lf\n\@x" ], Data => "text\n", Deadline => 0.2);
    is codes(@results), '421-connect 553-rcpt', "a Deadline behind a message that hangs ($kind)";
    cmp_ok +(times)[0] - $cpu, '<', 0.25, 'which sleeps meanwhile';
    is $lmtp->in_flight, 1, 'does not wait for that';
    is codes($lmtp->collect->results), '421-mail', 'and has its own end';
    undef $lmtp;
    $server->truth;

    $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'final m1 0' => { instead => [], then => 'hang' } } });
    @results = $lmtp->deliver(From => 'm1@x', To => ['a@x'], Data => "text\n", Deadline => 0.2);
    is codes(@results), '421?', "a Deadline that passes behind the end ($kind)";
    ok !$lmtp->opened, 'closes the link, as a late reply would be taken for another one';
    undef $lmtp;
    $server->truth;
}

# While bytes move: a server that reads content slowly, and one whose last reply comes octet by octet. Each ends by itself at last, long
# behind the deadline.
for my $case (
    [ 'reads slowly', '421-body', sub {
        my ($peer) = @_;
        for (1 .. 2000) { $peer->_wait(read => $peer->{peer}) until sysread $peer->{peer}, my $bytes, 10; select undef, undef, undef, 0.01 }
    } ],
    [ 'answers slowly', '421?', sub {
        my ($peer) = @_;
        $peer->data;
        for my $octet (split //, '250 ' . 'x' x 400 . "\r\n") { select undef, undef, undef, 0.05; $peer->send($octet) }
    } ],
) {
    my ($name, $expected, $end) = @$case;
    my $slow = ScriptedServer->new(rcvbuf => 4096, script => sub {
        my ($peer) = @_;
        $peer->reply('220 hi');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250 me');
        for my $verb (qw(MAIL RCPT)) { $peer->expect(qr/^$verb/); $peer->reply('250 ok') }
        $peer->expect('DATA');
        $peer->reply('354 go');
        $end->($peer);
    });
    # Until there was time enough to begin.
    my ($seconds, $result, $text) = (0.25, '', $name =~ /reads/ ? "line\n" x 2_000_000 : "line\n");
    do {
        $seconds *= 2;
        my $lmtp = Net::LMTP->new($slow->args, Hello => 'client.example') or die $@;
        $result = codes($lmtp->deliver(From => 's@x', To => 'a@x', Data => $text, Deadline => $seconds));
    } while $result ne $expected and $result ne '250' and $seconds < 8;
    is $result, $expected, "a Deadline while bytes move: a server that $name";
}

# ---- a link that was closed

for my $kind (@kinds) {
    my $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'noop 1' => { then => 'close' } } });
    $lmtp->command('NOOP')->response;
    ok(IO::Select->new($lmtp)->can_read(30), 'its end has come');
    is codes($lmtp->deliver(From => 'm1@x', To => [ 'a@x', "lf\n\@x" ], Data => "text\n")), '421-connect 553-rcpt', "the server has closed ($kind)";
    is codes($lmtp->deliver(From => 'm2@x', To => ['a@x'], Data => "text\n")), '421-connect', 'and stays so';
    is $lmtp->submit(From => 'm3@x', To => ['a@x'], Data => "text\n"), 3, 'submit counts on';
    is codes($lmtp->collect->results), '421-connect', 'and is collected';
    undef $lmtp;
    $server->truth;
}

done_testing;
