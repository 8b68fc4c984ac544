# Methods that a subclass overrides are called where Net::Cmd and Net::SMTP would call them.

use strict;
use warnings;

use Net::Cmd;
use Symbol ();
use Test::More;

use lib 't/lib';
use LMTPTest;

my %called;     # method => list of the arguments of each call

{
    # One class per hook, so that each is seen to work alone; and one with all of them.
    package Hooked;
    our @ISA = ('Net::LMTP');

    sub make {
        my ($class, @methods) = @_;
        no strict 'refs';
        @{"${class}::ISA"} = ('Hooked');
        for my $method (@methods) {
            my $super = Net::LMTP->can($method);
            *{"${class}::$method"} = sub {
                push @{ $called{$method} }, [ @_[ 1 .. $#_ ] ];
                goto &$super;
            };
        }
        return;
    }
}

my @hooks = qw(getline parse_response debug_print debug_text response datasend dataend command _addr);
Hooked::make("Hooked::$_", $_) for @hooks;
Hooked::make('Hooked::All', @hooks);

# Each step, and how often it calls each hook. LHLO's reply has three lines.
my @steps = (
    [ 'new',        sub { 1 },
        { getline => 4, parse_response => 4, response => 2, command => 1 } ],
    [ 'mail',       sub { $_[0]->mail('a@x') },
        { getline => 1, parse_response => 1, response => 1, command => 1, _addr => 1 } ],
    [ 'recipients', sub { $_[0]->to('b@x') },
        { getline => 1, parse_response => 1, response => 1, command => 1, _addr => 1 } ],
    [ 'data(LIST)', sub { $_[0]->data("x\n", "y\n") },
        { getline => 2, parse_response => 2, response => 2, command => 1, datasend => 1, dataend => 1 } ],
    [ 'a reply of three lines', sub { $_[0]->_NOOP },
        { getline => 3, parse_response => 3, response => 1, command => 1 } ],
    [ 'send, send_or_mail, send_and_mail', sub { $_[0]->send('a') && $_[0]->send_or_mail('b') && $_[0]->send_and_mail('c') },
        { getline => 3, parse_response => 3, response => 3, command => 3, _addr => 3 } ],
    [ 'reset',      sub { $_[0]->reset },
        { getline => 1, parse_response => 1, response => 1, command => 1 } ],
    [ 'mail with Transaction', sub { $_[0]->mail('a', Transaction => 'id@x') },
        { getline => 1, parse_response => 1, response => 1, command => 1, _addr => 2 } ],
    [ 'several recipients', sub { $_[0]->to('b', 'c') && $_[0]->cc('d') && $_[0]->bcc('e') },
        { getline => 4, parse_response => 4, response => 4, command => 4, _addr => 4 } ],
    [ 'reset',      sub { $_[0]->reset },
        { getline => 1, parse_response => 1, response => 1, command => 1 } ],
    [ 'a command while data is open', sub { $_[0]->mail('a') && $_[0]->to('b') && $_[0]->_DATA && $_[0]->datasend("x\n") && $_[0]->verify('x') },
        { getline => 5, parse_response => 5, response => 5, command => 4, datasend => 1, dataend => 1, _addr => 2 } ],
    [ 'help, expand, verify, etrn', sub { $_[0]->help && $_[0]->expand('x') && $_[0]->verify('x') && $_[0]->etrn('x') },
        { getline => 4, parse_response => 4, response => 4, command => 4 } ],
    [ 'hello',      sub { $_[0]->hello('me') },
        { getline => 3, parse_response => 3, response => 1, command => 1 } ],
    [ 'read_until_dot', sub { $_[0]->ungetline($_) for ".\n", "b\n", "a\n"; @{ $_[0]->read_until_dot } == 2 },
        { getline => 3 } ],
    [ 'quit',       sub { $_[0]->quit },
        { getline => 1, parse_response => 1, response => 1, command => 1 } ],
);

for my $class ((map { "Hooked::$_" } @hooks), 'Hooked::All') {
    %called = ();
    my ($lmtp, $server) = session({ class => $class }, keywords => [qw(ETRN CHECKPOINT)], NOOP => "250-a\r\n250-b\r\n250 c");
    my @mine = $class eq 'Hooked::All' ? @hooks : $class =~ /(\w+)\z/;
    for my $step (@steps) {
        my ($name, $code, $expected) = @$step;
        ok(scalar $code->($lmtp), "$class: $name");
        for my $hook (grep { !/debug/ } @mine) {
            is(scalar @{ $called{$hook} || [] }, $expected->{$hook} || 0, "... calls of $hook");
        }
        %called = ();
    }
}

# --- with arguments, and their results used ---

{
    package Rewriting;
    our @ISA = ('Net::LMTP');
    our @Lines;
    sub getline { my $self = shift; return @Lines ? shift @Lines : $self->SUPER::getline }
}

{
    my ($lmtp, $server) = session({ class => 'Rewriting' });
    @Rewriting::Lines = ("253-invented\n", "253 reply\n");
    is($lmtp->response, CMD_OK, 'getline: what it returns is the reply');
    is($lmtp->code, 253, '... its code');
    is_deeply([ $lmtp->message ], [ "invented\n", "reply\n" ], '... its lines');
    is(wire($server), '', '... without a word to the server');
    ok($lmtp->_NOOP, '... and then the server\'s');
    @Rewriting::Lines = ("451 not today\n");
    $lmtp->mail('a@x');
    is($lmtp->code, 451, '... inside a command too');
}

{
    package Interpreting;
    our @ISA = ('Net::LMTP');
    sub parse_response {
        my $self = shift;
        my ($code, $more) = $self->SUPER::parse_response(@_);
        return if !defined $code;
        return ($code == 252 ? 552 : $code, $more);
    }
}

{
    my ($lmtp) = session({ class => 'Interpreting' }, VRFY => '252 perhaps');
    ok(!$lmtp->verify('x'), 'parse_response: the code that it returns counts');
    is($lmtp->code, 552, '... is the code');
    is($lmtp->message, "perhaps\n", '... the text is what it left of its argument');
}

{
    package Believing;
    our @ISA = ('Net::LMTP');
    our ($On, $Calls);
    sub response {
        my $self = shift;
        return $self->SUPER::response if !$On;
        $Calls++;
        $self->set_status(255, ["believed\n"]);
        return Net::Cmd::CMD_OK;
    }
}

{
    my ($lmtp, $server) = session({ class => 'Believing' }, MAIL => '550 no');
    local $Believing::On = 1;
    ok($lmtp->mail('a@x'), 'response: what it returns counts');
    is($lmtp->code, 255, '... the status that it set');
    is($Believing::Calls, 1, '... called once');
    ok($lmtp->datasend("x\n"), 'a subclass that overrides response: datasend opens the data');
    ok($lmtp->dataend, '... dataend asks response');
    is($Believing::Calls, 2, '... once');
    is(wire($server), "MAIL FROM:<a\@x>\r\nx\r\n.\r\n", '... on the wire');
}

{
    package Addressing;
    our @ISA = ('Net::LMTP');
    sub _addr { my ($self, $address) = @_; return $address }

    package Tagging;
    our @ISA = ('Net::LMTP');
    sub command { my ($self, @words) = @_; return $self->SUPER::command(@words, $words[0] eq 'NOOP' ? 'tag' : ()) }
    sub datasend { my ($self, @pieces) = @_; return $self->SUPER::datasend(map { ref() ? map { uc } @$_ : uc } @pieces) }
    sub dataend { my ($self) = @_; $self->datasend("-- \n"); return $self->SUPER::dataend }
}

{
    my ($lmtp, $server) = session({ class => 'Addressing' });
    ok($lmtp->mail('<a@x> EXTRA=1'), '_addr that passes its address untouched');
    ok($lmtp->to('<b@x> X=2', '<c@x>'), '... for recipients');
    is(wire($server), "MAIL FROM:<a\@x> EXTRA=1\r\nRCPT TO:<b\@x> X=2\r\nRCPT TO:<c\@x>\r\n", '... on the wire');
}

{
    my ($lmtp, $server) = session({ class => 'Tagging' });
    ok($lmtp->_NOOP, 'command: what it passes on is sent');
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("text\n"), 'datasend and dataend: called by data');
    is(wire($server), "NOOP tag\r\nMAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\nTEXT\r\n-- \r\n.\r\n", '... on the wire');
}

# --- debug hooks ---

{
    package Quiet;
    our @ISA = ('Net::LMTP');
    our @Printed;
    sub debug_print { my ($self, $out, $text) = @_; $text =~ s/\r?\n//g; push @Printed, ($out ? '>' : '<') . $text }

    package Masking;
    our @ISA = ('Net::LMTP');
    sub debug_text { my ($self, $out, $text) = @_; $text =~ s/secret/******/; return $text }
}

{
    my ($lmtp) = session({ class => 'Quiet' }, NOOP => "250-a\r\n250 b");
    my $error = stderr_of {
        $lmtp->debug(1);
        @Quiet::Printed = ();
        $lmtp->_NOOP;
        is_deeply(\@Quiet::Printed, [ '>NOOP', '<250-a', '<250 b' ], 'debug_print: each line of a command and its reply');
        @Quiet::Printed = ();
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->data("one\n.two\n");
        is_deeply(\@Quiet::Printed, [
            '>MAIL FROM:<a@x>', '<250 ok', '>RCPT TO:<b@x>', '<250 ok', '>DATA', '<354 go on', '>one', '>.two', '>.', '<250 delivered'
        ], '... and of a message');
    };
    is($error, '', '... and nothing goes to STDERR');
    $lmtp->debug(0);
    @Quiet::Printed = ();
    $lmtp->_NOOP;
    is_deeply(\@Quiet::Printed, [], 'debug off: not called');
}

{
    my ($lmtp) = session({ class => 'Masking' });
    stderr_of { $lmtp->debug(1) };
    my $error = stderr_of { $lmtp->verify('secret') };
    like($error, qr/>>> VRFY \*{6}/, 'debug_text: what it returns is printed');
    unlike($error, qr/secret/, '... instead of the text');
}

# --- pseudo replies (perldoc Net::Cmd) ---

{
    package Coded;
    our @ISA = ('Net::LMTP');
    sub DEF_REPLY_CODE { 499 }

    package Trapping;
    our @ISA = ('Net::LMTP');
    sub _set_status_closed  { $_[0]->set_status(498, ['mine, closed']) }
    sub _set_status_timeout { $_[0]->set_status(497, ['mine, timeout']) }
}

{
    my $plain = bless Symbol::gensym(), 'Net::LMTP';
    is($plain->code, 421, 'the code before any reply');
    my $lmtp = bless Symbol::gensym(), 'Coded';
    is($lmtp->code, 499, '... is what DEF_REPLY_CODE says');
}

{
    my ($lmtp) = script({ class => 'Trapping' }, expect => 'NOOP', stall => undef, close => undef);
    $lmtp->timeout(0.3);
    $lmtp->_NOOP;
    is_deeply([ $lmtp->code, $lmtp->message ], [ 497, 'mine, timeout' ], '_set_status_timeout can be overridden');
    $lmtp->close;
    $lmtp->_NOOP;
    is_deeply([ $lmtp->code, $lmtp->message ], [ 498, 'mine, closed' ], '_set_status_closed too');
}

# ---- a class that reads replies itself, in a script that reads one for each recipient

{
    package OwnReader;
    our @ISA = ('Net::LMTP');

    sub response {
        my ($self) = @_;
        my ($code, @lines);
        while (defined(my $line = $self->getline)) {
            my $more;
            ($code, $more) = $self->parse_response($line);
            push @lines, $line;
            last if not $more;
        }
        $self->set_status($code, \@lines);
        return substr $code, 0, 1;
    }
}

{
    my ($lmtp, $server) = session({ class => 'OwnReader' }, final => [ '250 one', "450-two\r\n450 more", '250 three' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x', 'd@x');
    ok(!$lmtp->data("x\n"), 'its message is not accepted by all');
    is($lmtp->response, 4, 'the second recipient\'s reply');
    is($lmtp->message, "two\nmore\n", '... whole');
    is($lmtp->response, 2, 'the third one\'s');
    is($lmtp->message, "three\n", '... whole');
    ok($lmtp->_NOOP, 'and the link is in step');
    is_deeply([ map { $_->code } $lmtp->data_results ], [ 250, 450, 250 ], 'as data_results have it');
}

# A class that knows some lines for no replies: each is put back, as one that is none.
{
    package Choosy;
    our @ISA = ('Net::LMTP');
    sub parse_response { my ($self, $line) = @_; return $line =~ /odd/ ? () : $self->SUPER::parse_response($line) }
}
{
    my ($lmtp) = session({ class => 'Choosy' }, NOOP => [ '250 odd', '251 even' ]);
    ok(!$lmtp->_NOOP, 'a parse_response that returns nothing');
    is($lmtp->code, 421, '... is an error');
    is($lmtp->getline, "250 odd\n", '... the line is there');
    ok($lmtp->_NOOP, '... and the next reply is the next');
    is($lmtp->code, 251, '... its code');
}

# A class that only watches replies: those that the caller did not read come before the message's.
{
    package Watching;
    our @ISA = ('Net::LMTP');
    sub response { my ($self) = @_; return $self->SUPER::response }
}
for my $case ([ '250 there', 1, 250, 'success' ], [ '550 no', 0, 550, 'failure' ]) {
    my ($reply, $ok, $code, $status) = @$case;
    for my $unread (1 .. 3) {
        my ($lmtp) = session({ class => 'Watching' }, NOOP => [ ('250 noop') x $unread ], final => [$reply]);
        $lmtp->mail('s@x');
        $lmtp->to('a@x');
        $lmtp->command('NOOP') for 1 .. $unread;
        $lmtp->data;
        $lmtp->datasend("text\n");
        is($lmtp->dataend ? 1 : 0, $ok, "$unread replies that nobody read, then '$reply'");
        is($lmtp->code, $code, '... its code');
        is(($lmtp->results)[0]->status, $status, '... and what results has');
    }
}

# Its end was sent, and no reply was read: it may have been delivered.
{
    package Failing;
    our @ISA = ('Net::LMTP');
    our $fails;
    sub response { my ($self) = @_; die "no\n" if $fails; return $self->SUPER::response }
}
{
    my ($lmtp) = session({ class => 'Failing' }, final => ['250 there']);
    local $Failing::fails = 1;
    $lmtp->command($_) for 'MAIL FROM:<s@x>', 'RCPT TO:<a@x>', 'DATA';
    $lmtp->datasend("text\n");
    eval { $lmtp->dataend };
    is($@, "no\n", 'a response that dies');
    my ($result) = $lmtp->results;
    ok(!$result->is_success && $result->maybe_delivered, '... leaves a message that may have been delivered') or diag($result->as_string);
}

done_testing;
