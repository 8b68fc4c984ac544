# recipient(LIST, { SkipBad => 1 }): RCPTs in one group where PIPELINING is offered, one at a time where it isn't or where somebody looks on.

use strict;
use warnings;

use Mail::Wire::Sink;
use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;
use ScriptedServer;

use constant SHORT => 0.3;

# A server that knows how RCPTs come: mark 'grouped' when more was there behind one. What is sent in one write is there at once; a
# client that waits for each reply has sent nothing more. reply: what it says of each, by address; default 250.
sub watching {
    my ($options, %reply) = @_;
    my @keywords = @{ delete $options->{keywords} || ['PIPELINING'] };
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my %say = (LHLO => join("\r\n", '250-server.example', (map {"250-$_"} @keywords), '250 HELP'), DATA => '354 go', QUIT => '221 bye');
        my $accepted = 0;
        $peer->reply('220 hi');
        while (defined(my $line = $peer->line)) {
            my ($verb, $address) = $line =~ /^(\w+)(?: TO:<([^>]*)>)?/;
            $peer->mark('grouped') if $verb eq 'RCPT' && length $peer->{in};
            my $say = $verb eq 'RCPT' ? $reply{$address} : $say{$verb};
            $say = '250 ok' if !defined $say;
            $accepted++ if $verb eq 'RCPT' && $say =~ /^2/;
            $peer->reply($say);
            if ($verb eq 'DATA') {
                $peer->data;
                $peer->reply(map {"250 delivered $_"} 1 .. $accepted);
            }
        }
    });
    LMTPTest::keep($server);
    return (connect_to($server, %$options), $server);
}

sub asked { my ($server) = @_; return join ' ', wire($server) =~ /^RCPT TO:<([^>]*)>/mg }

# --- what comes of it is the same in both ways ---

my @cases = (
    # name, addresses, replies, accepted, code and message afterwards
    [ 'all accepted',          [qw(b@x c@x d@x)],                 {}, [qw(b@x c@x d@x)], '250 ok' ],
    [ 'first refused',         [qw(b@x c@x d@x)],                 { 'b@x' => '550 no b' }, [qw(c@x d@x)], '250 ok' ],
    [ 'last refused',          [qw(b@x c@x d@x)],                 { 'd@x' => '452 not d' }, [qw(b@x c@x)], '452 not d' ],
    [ 'all refused',           [qw(b@x c@x)],                     { 'b@x' => '550 no b', 'c@x' => '551 no c' }, [], '551 no c' ],
    [ 'replies of more lines', [qw(b@x c@x d@x)], { 'b@x' => "250-ok\r\n250 b", 'c@x' => "550-no\r\n550 c" }, [qw(b@x d@x)], '250 ok' ],
    [ 'the same twice',        [qw(b@x b@x c@x)],                 {}, [qw(b@x b@x c@x)], '250 ok' ],
    [ 'other texts',           [ 'Ben <b@x>', ' c@x ', '<d@x>' ], {}, [ 'Ben <b@x>', ' c@x ', '<d@x>' ], '250 ok' ],
    [ 'one that cannot be sent',     [ 'b@x', "c\r\@x", 'd@x' ],      {}, [qw(b@x d@x)], '250 ok', [qw(b@x d@x)] ],
    [ 'the last cannot be sent',     [ 'b@x', '<c@x> N=1 <d d@x>', '<c c@x>' ],  {}, [ 'b@x', '<c@x> N=1 <d d@x>' ], '501', [qw(b@x c@x)] ],
    [ 'none can be sent',            [ "b\n\@x", '<c c@x>' ],         {}, [], '501', [] ],
    [ 'codes of other classes',      [qw(b@x c@x d@x)],               { 'b@x' => '354 go', 'c@x' => '251 will forward' }, [qw(c@x d@x)], '250 ok' ],
);

for my $keywords ([ 'PIPELINING' ], ['8BITMIME']) {
    my $grouped = $keywords->[0] eq 'PIPELINING';
    for my $case (@cases) {
        my ($name, $addresses, $replies, $accepted, $status, $sent) = @$case;
        $name = ($grouped ? 'grouped, ' : 'one by one, ') . $name;
        my ($lmtp, $server) = watching({ keywords => $keywords }, %$replies);
        ok($lmtp->mail('a@x'), "$name: MAIL");
        my @got = $lmtp->recipient(@$addresses, { SkipBad => 1 });
        is_deeply(\@got, $accepted, '... the accepted ones, as they were given');
        is(join(' ', $lmtp->code, $status =~ / / ? split /\n/, $lmtp->message : ()), $status, '... code and message are the last one\'s');
        $sent ||= [ map { /<(.*)>/ ? $1 : /(\S+)/ } @$addresses ];
        is(asked($server), "@$sent", '... what was sent');
        is(!!$server->passed('grouped'), !!($grouped && @$sent > 1), '... in one group') if $replies->{'b@x'} || '' ne '354 go';
        is(scalar @{ $lmtp->results }, scalar @$addresses, '... a result for each that was given');
        if (@got) {
            ok($lmtp->data("x\n"), '... the message is accepted');
            is_deeply([ map { $_->message } $lmtp->data_results ], [ map {"delivered $_"} 1 .. @got ], '... and each has its final reply');
        }
        ok($lmtp->_NOOP, '... the link is in step');
    }
}

{
    my ($lmtp, $server) = watching({}, 'c@x' => '550 no');
    $lmtp->mail('a@x');
    my $count = $lmtp->recipient(qw(b@x c@x d@x), { SkipBad => 1 });
    is($count, 2, 'in scalar context: how many');
    is_deeply([ $lmtp->to('e@x', 'f@x', { SkipBad => 1 }) ], [qw(e@x f@x)], 'a second call');
    $lmtp->data("x\n");
    is_deeply([ shown($lmtp->results) ], [ 'b@x success 250 final', 'c@x failure 550 rcpt', map {"$_\@x success 250 final"} qw(d e f) ],
        'results of both, in order');
    ok($server->passed('grouped'), '... they came as groups');
}

for my $case ([ 'one recipient', 'b@x', { SkipBad => 1 } ], [ 'none', { SkipBad => 1 } ], [ 'no SkipBad', 'b@x', 'c@x' ],
    [ 'SkipBad => 0', 'b@x', 'c@x', { SkipBad => 0 } ]) {
    my ($name, @arguments) = @$case;
    my ($lmtp, $server) = watching({});
    $lmtp->mail('a@x');
    $lmtp->recipient(@arguments);
    ok(!$server->passed('grouped'), "$name: no group");
}

{
    my ($lmtp, $server) = watching({ keywords => [qw(PIPELINING DSN)] });
    $lmtp->mail('a@x');
    $lmtp->recipient('b@x', 'c@x', { SkipBad => 1, Notify => ['NEVER'], ORcpt => 'rfc822;z@x' });
    is(scalar(() = wire($server) =~ /^RCPT TO:<[bc]\@x> NOTIFY=NEVER ORCPT=rfc822;z\@x\r$/mg), 2, 'options go with each');
    ok($server->passed('grouped'), '... in a group');
}

{
    my ($lmtp, $server) = watching({});
    is_deeply([ $lmtp->recipient('b@x', 'c@x', { SkipBad => 1 }) ], [qw(b@x c@x)], 'without MAIL');
    ok(!$server->passed('grouped'), '... no group');
}

# --- many ---

{
    my $sink = Mail::Wire::Sink->new(rcpt => sub { $_[0] =~ /7\@x\z/ ? '550 5.1.1 No ' . 'such ' x 300 . 'user' : undef });
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'me.example');
    my @to = map {"user$_\@x"} 1 .. 5000;
    $lmtp->mail('a@x');
    my @accepted = $lmtp->recipient(@to, { SkipBad => 1 });
    is_deeply(\@accepted, [ grep { !/7\@x\z/ } @to ], '5000 recipients, with long refusals among them');
    ok($lmtp->data("x\n"), '... the message is accepted');
    is(scalar @{ $lmtp->results }, 5000, '... with a result for each');
    $lmtp->quit;
}

# --- who looks on sees each one ---

{
    package Looking;
    our @ISA = ('Net::LMTP');
    our @seen;

    package Looking::command;
    our @ISA = ('Looking');
    sub command { my $self = shift; push @seen, "@_"; return $self->SUPER::command(@_) }

    package Looking::response;
    our @ISA = ('Looking');
    sub response { my $self = shift; my $digit = $self->SUPER::response; push @seen, $digit; return $digit }

    package Looking::getline;
    our @ISA = ('Looking');
    sub getline { my $self = shift; my $line = $self->SUPER::getline; push @seen, $line; return $line }

    package Looking::parse_response;
    our @ISA = ('Looking');
    sub parse_response { my $self = shift; push @seen, $_[0]; return $self->SUPER::parse_response(@_) }

    package Looking::_RCPT;
    our @ISA = ('Looking');
    sub _RCPT { my $self = shift; push @seen, "@_"; return $self->SUPER::_RCPT(@_) }

    package Looking::debug;
    our @ISA = ('Looking');
    sub debug { my $self = shift; push @seen, 'debug'; return $self->SUPER::debug(@_) }

    package Looking::_addr;
    our @ISA = ('Looking');
    sub _addr { my $self = shift; push @seen, $_[0]; return "<$_[0]>" }
}

for my $hook (qw(command response getline parse_response _RCPT debug _addr)) {
    my ($lmtp, $server) = watching({ class => "Looking::$hook" }, 'c@x' => '550 no');
    $lmtp->mail('a@x');
    @Looking::seen = ();
    is_deeply([ $lmtp->recipient(qw(b@x c@x d@x), { SkipBad => 1 }) ], [qw(b@x d@x)], "a class with its own $hook");
    cmp_ok(scalar @Looking::seen, '>=', $hook eq 'debug' ? 1 : 3, '... it is called');
    is(!!$server->passed('grouped'), $hook eq '_addr', $hook eq '_addr' ? '... and the group stays one' : '... and there is no group');
}

{
    my ($lmtp, $server);
    my $text = stderr_of {
        ($lmtp, $server) = watching({ Debug => 1 }, 'c@x' => '550 no');
        $lmtp->mail('a@x');
        $lmtp->recipient(qw(b@x c@x), { SkipBad => 1 });
    };
    like($text, qr/>>> RCPT TO:<b\@x>.*<<< 250 ok.*>>> RCPT TO:<c\@x>.*<<< 550 no/s, 'Debug shows each with its reply');
    ok(!$server->passed('grouped'), '... so there is no group');
}

# --- what goes wrong on the way ---

my @to = qw(b@x c@x d@x e@x);
my @group = (expect => qr/^MAIL/, reply => '250 ok', (expect => qr/^RCPT/) x 4);

for my $case (
    # name, what the server does, accepted, results
    [ 'a line that is no reply', [ reply => [ '250 b', 'nonsense', '250 d', '250 e' ] ], ['b@x'],
        [ map {"$_\@x deferral 421 rcpt"} qw(b c d e) ], qr/nonsense|reply/i ],
    [ 'a link lost', [ reply => [ '250 b', '550 c' ], close => undef ], ['b@x'],
        [ 'b@x deferral 421 rcpt', 'c@x failure 550 rcpt', map {"$_\@x deferral 421 rcpt"} qw(d e) ] ],
    [ 'half a reply', [ reply => '250 b', send => '250-c', close => undef ], ['b@x'], [ map {"$_\@x deferral 421 rcpt"} qw(b c d e) ] ],
    [ 'the server parts', [ reply => [ '250 b', '421 bye' ], close => undef ], ['b@x'], [ map {"$_\@x deferral 421 rcpt"} qw(b c d e) ] ],
    [ 'a reply that does not come', [ reply => [ '250 b', '250 c' ], stall => undef ], [],
        [ map {"$_\@x deferral 421 rcpt"} qw(b c d e) ] ],
) {
    my ($name, $script, $accepted, $results) = @$case;
    my ($lmtp, $server) = script({ keywords => ['PIPELINING'] }, @group, @$script);
    $lmtp->mail('a@x');
    $lmtp->timeout(SHORT) if $name =~ /does not come/;
    is_deeply([ $lmtp->recipient(@to, { SkipBad => 1 }) ], $accepted, "$name: those accepted before it");
    is($lmtp->code, 421, '... code');
    ok(!$lmtp->opened, '... the link is closed');
    is_deeply([ shown($lmtp->results) ], $results, '... results');
    ok(!$lmtp->data("x\n"), '... no message goes');
}

{
    my ($lmtp, $server) = script({ keywords => ['PIPELINING'] }, @group, stall => 'waits');
    $lmtp->mail('a@x');

    # The handler dies once the server has the group and says nothing: the client waits then.
    my ($ran, $error) = interrupt(sub { $server->passed('waits') }, sub { die "alarmed\n" }, sub { $lmtp->recipient(@to, { SkipBad => 1 }) });
    ok($ran && $error eq "alarmed\n", 'a handler that dies comes out of it');
    ok(!$lmtp->opened, '... the link is closed');
}

# A reply too many is nobody's.
{
    my ($lmtp, $server) = script({ keywords => ['PIPELINING'] }, @group, reply => [ ('250 ok') x 4, '354 go' ], stall => 'said');
    $lmtp->mail('a@x');
    is(scalar(my @got = $lmtp->recipient(@to, { SkipBad => 1 })), 4, 'a reply too many');
    $server->await('said');
    ok(!$lmtp->data("x\n"), '... is not taken for DATA\'s');
    is(scalar(grep { $_->is_success } $lmtp->results), 0, '... nobody has the message');
}

# A reply is missing: which one cannot be told.
for my $second ('250 second', '550 second') {
    my ($lmtp, $server) = script({ keywords => ['PIPELINING'] }, @mail, (expect => qr/^RCPT/) x 3,
        reply => [ $second, '250 third' ], stall => undef);
    $lmtp->mail('a@x');
    $lmtp->timeout(SHORT);
    is_deeply([ $lmtp->recipient('b@x', 'c@x', 'd@x', { SkipBad => 1 }) ], [], "a reply of a group is missing, $second: nobody is accepted");
    is_deeply([ shown($lmtp->results) ], [ map {"$_\@x deferral 421 rcpt"} qw(b c d) ], '... all are deferrals');
}

done_testing;
