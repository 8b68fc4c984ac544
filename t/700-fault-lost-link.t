# The link is lost, at each stage: what the call says, what is known of each recipient, and that nothing dies.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my @keywords = qw(8BITMIME BINARYMIME CHUNKING);

sub envelope { $_[0]->mail('a@x', Bits => $_[1] || 8) && $_[0]->to('b@x', 'c@x') }

my @cases = (
    # stage, script up to the loss, what goes well, the call that fails, results
    [ 'NOOP',       [ expect => 'NOOP' ], sub { 1 }, sub { $_[0]->_NOOP }, [] ],
    [ 'LHLO again', [ expect => qr/^LHLO/ ], sub { 1 }, sub { $_[0]->hello('x') }, [] ],
    [ 'MAIL',       [ expect => qr/^MAIL/ ], sub { 1 }, sub { $_[0]->mail('a@x') }, [] ],
    [ 'RCPT',       [ @mail, expect => qr/^RCPT/ ], sub { $_[0]->mail('a@x') }, sub { $_[0]->to('b@x') }, ['b@x deferral 421 no'] ],
    [ 'second RCPT', [ @mail, @rcpt, expect => qr/^RCPT/ ], sub { $_[0]->mail('a@x') }, sub { $_[0]->to('b@x', 'c@x') },
        [ 'b@x deferral 421 no', 'c@x deferral 421 no' ] ],
    [ 'RSET',       [ @mail, @rcpt, @rcpt, expect => 'RSET' ], \&envelope, sub { $_[0]->reset }, undef ],
    [ 'DATA',       [ @mail, @rcpt, @rcpt, expect => 'DATA' ], \&envelope, sub { $_[0]->data },
        [ 'b@x deferral 421 no', 'c@x deferral 421 no' ] ],
    [ 'data(LIST) at DATA', [ @mail, @rcpt, @rcpt, expect => 'DATA' ], \&envelope, sub { $_[0]->data("x\n") },
        [ 'b@x deferral 421 no', 'c@x deferral 421 no' ] ],
    [ 'the dot',    [ @mail, @rcpt, @rcpt, @data, data => undef ], sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") },
        sub { $_[0]->dataend }, [ 'b@x deferral 421 maybe', 'c@x deferral 421 maybe' ] ],
    [ 'behind the first final reply', [ @mail, @rcpt, @rcpt, @data, data => undef, reply => '250 b' ],
        sub { envelope($_[0]) && $_[0]->data }, sub { $_[0]->dataend }, [ 'b@x success 250 no', 'c@x deferral 421 maybe' ] ],
    [ 'behind a refusal', [ @mail, @rcpt, @rcpt, @data, data => undef, reply => '550 b' ],
        sub { envelope($_[0]) && $_[0]->data }, sub { $_[0]->dataend }, [ 'b@x failure 550 no', 'c@x deferral 421 maybe' ] ],
    [ 'inside a final reply', [ @mail, @rcpt, @rcpt, @data, data => undef, send => "250 b\r\n250" ],
        sub { envelope($_[0]) && $_[0]->data }, sub { $_[0]->dataend }, [ 'b@x success 250 no', 'c@x deferral 421 maybe' ] ],
    [ 'BDAT',       [ @mail, @rcpt, @rcpt, expect => 'BDAT 3', bytes => 3 ], sub { envelope($_[0], 'binary') },
        sub { $_[0]->bdat("x\r\n") }, [ 'b@x deferral 421 no', 'c@x deferral 421 no' ] ],
    [ 'BDAT LAST',  [ @mail, @rcpt, @rcpt, expect => 'BDAT 3 LAST', bytes => 3 ], sub { envelope($_[0], 'binary') },
        sub { $_[0]->bdatlast("x\r\n") }, [ 'b@x deferral 421 maybe', 'c@x deferral 421 maybe' ] ],
    [ 'VRFY',       [ expect => qr/^VRFY/ ], sub { 1 }, sub { $_[0]->verify('x') }, [] ],
    [ 'HELP',       [ expect => qr/^HELP/ ], sub { 1 }, sub { $_[0]->help }, [] ],
    [ 'EXPN',       [ expect => qr/^EXPN/ ], sub { 1 }, sub { my @list = $_[0]->expand('x') }, [] ],
);

sub brief { return map { sprintf '%s %s %s %s', $_->recipient, $_->status, $_->code, $_->maybe_delivered ? 'maybe' : 'no' } @_ }

# data behind BDAT is told off, and so is Bits to a server that said nothing.
local $SIG{__WARN__} = sub { warn @_ if $_[0] !~ /CHUNKING is in use|8BITMIME option not supported/ };

for my $end (qw(close reset finish)) {
    for my $case (@cases) {
        my ($stage, $script, $before, $call, $results) = @$case;
        my $name = "$end at $stage";
        my @script = (@$script, $end => undef);
        # A reset throws away what was sent just before it, unless it was read: the client must have that first.
        next if $end eq 'reset' && $script->[-2] =~ /^(?:reply|send)$/;
        my ($lmtp, $server) = script({ keywords => \@keywords }, @script);
        ok($before->($lmtp), "$name: so far");
        my $result;
        ok(eval { $result = $call->($lmtp); 1 }, "$name: does not die") or diag $@;
        ok(!$result, "$name: is false");
        # A refusal that came before the loss is the first reply that was no success.
        my $refused = $stage eq 'behind a refusal';
        is($lmtp->code, $refused ? 550 : 421, "$name: code");
        is($lmtp->message, $refused ? "b\n" : '[Net::LMTP] Connection closed', "$name: message");
        is_deeply([ brief($lmtp->results) ], $results, "$name: results") if $results;
        ok(!$lmtp->opened, "$name: closed");
        for my $later (qw(_NOOP dataend data _RSET)) {
            ok(!$lmtp->$later, "$name: then $later is false");
            is($lmtp->code, 421, '... code 421');
        }
        ok(!$lmtp->datasend("x\n"), "$name: then datasend is false");
        is_deeply([ brief($lmtp->results) ], $results, "$name: and the results are still there") if $results && $case->[0] =~ /dot|final|LAST/;
        is_deeply([ $server->problems ], [], "$name: as the server sees it");
    }
}

# A script that reads the further replies itself gets no success for the recipients that have none.
{
    my ($lmtp) = script(@mail, @rcpt, @rcpt, @data, data => undef, reply => '250 b', close => undef);
    envelope($lmtp);
    ok(!$lmtp->data("x\n"), 'lost behind the first final reply');
    for my $n (2 .. 4) {
        isnt($lmtp->response, 2, "... response $n is no success");
        is($lmtp->code, 421, '... code 421');
    }
}

# Lost while the data is sent: the dot has surely not left.
for my $end (qw(close reset)) {
    my ($lmtp, $server) = script({ server => { rcvbuf => 4096 } }, @mail, @rcpt, @rcpt, @data, bytes => 1000, $end => 'now');
    envelope($lmtp);
    $lmtp->data;
    my $block = ('x' x 70 . "\n") x 1000;
    my $fine = 1;
    my $calls = 0;
    while ($fine && $calls < 1000) { $calls++; $fine = $lmtp->datasend($block) }
    ok(!$fine, "$end while data is sent: datasend becomes false");
    ok(!$lmtp->dataend, '... dataend is false');
    is($lmtp->code, 421, '... code 421');
    is_deeply([ brief($lmtp->data_results) ], [ 'b@x deferral 421 no', 'c@x deferral 421 no' ], '... surely not delivered');
    unlike(substr(wire($server), -5), qr/\r\n\.\r\n\z/, '... no dot was sent');
}

# Nothing but the dot is left to send, and the server is gone already.
for my $end (qw(close reset)) {
    my ($lmtp, $server) = script(@mail, @rcpt, @rcpt, @data, $end => undef);
    envelope($lmtp);
    $lmtp->data;
    $server->await('closed');
    $lmtp->datasend("x\n");
    ok(!$lmtp->dataend, "$end before the first byte of data: dataend is false");
    is($lmtp->code, 421, '... code 421');
    is(scalar(grep { $_->is_deferral } $lmtp->data_results), 2, '... two deferrals');
}

# A link that was closed between two messages.
for my $end (qw(close reset)) {
    my ($lmtp, $server) = script(@mail, @rcpt, @data, data => undef, reply => '250 ok', stall => undef, $end => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("x\n"), 'a message');
    $server->release;
    $server->await('closed');
    is_deeply([ brief($lmtp->results) ], ['b@x success 250 no'], "$end between messages: the result stays");
    ok(!$lmtp->mail('next@x'), '... the next MAIL is false');
    is($lmtp->code, 421, '... code 421');
    ok(!$lmtp->to('b@x'), '... and its RCPT');
    ok(!$lmtp->data("y\n"), '... and its data');
    ok(!(grep { $_->is_success } $lmtp->results), '... nobody has it');
}

# Everybody who is named on a lost link has a result; with what else there is of the message, until the next one is begun.
for my $keywords ([], ['PIPELINING']) {
    my @sent = script({ keywords => $keywords }, @mail, @rcpt, expect => qr/^RCPT/, close => undef);
    my $lmtp = $sent[0];
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    is_deeply([ $lmtp->recipient('c@x', 'd@x', 'e@x', { SkipBad => 1 }) ], [], "lost among several RCPTs, @$keywords");
    is_deeply([ brief($lmtp->results) ], [ map {"$_\@x deferral 421 no"} 'b' .. 'e' ], '... a result for each');
    ok(!$lmtp->$_('f@x'), "... $_ after it") for qw(to cc);
    ok(!$lmtp->_RCPT('TO:<g@x>'), '... a raw one');
    ok(!$lmtp->to("h\0\@x"), '... one that could not be sent in any case');
    is_deeply([ brief($lmtp->results) ], [ (map {"$_\@x deferral 421 no"} 'b' .. 'e', 'f', 'f', 'g'), "h\0\@x failure 501 no" ],
        '... have one, too');
    is(($lmtp->results)[4]->stage, 'connect', '... of stage connect');
    is(scalar @{ $lmtp->data_results }, 1, '... but were not accepted');
    ok(!$lmtp->mail('a@x'), '... the next mail');
    is_deeply([ $lmtp->results ], [], '... begins anew');
    $lmtp->recipient('i@x', 'j@x', { SkipBad => 1 });
    is_deeply([ brief($lmtp->results) ], [ map {"$_\@x deferral 421 no"} 'i', 'j' ], '... with its own');
}
{
    my ($lmtp) = script(@mail, @rcpt, @data, data => undef, reply => '250 ok', stall => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data("x\n");
    $lmtp->close;
    $lmtp->to('c@x');
    is_deeply([ brief($lmtp->results) ], ['c@x deferral 421 no'], 'named behind a message that has its results: not one of its recipients');
}

# quit on a link that is gone.
for my $end (qw(close reset)) {
    my ($lmtp, $server) = script($end => undef);
    $server->await('closed');
    ok(eval { $lmtp->quit; 1 }, "quit after $end does not die");
    ok(!$lmtp->opened, '... closed');
}

done_testing;
