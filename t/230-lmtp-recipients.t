# Several recipients: every recipient's reply is read, kept and handed out.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

sub open_message {
    my ($lmtp, @to) = @_;
    $lmtp->mail('from@x') or return;
    $lmtp->to($_) for @to;
    return 1;
}

my @three = ('b@x', 'c@x', 'd@x');

# --- what dataend says ---

for my $case (
    # name, final replies, true?, code, message
    [ 'all accepted',      [ '250 one', '251 two', '250 three' ], 1, 250, "one\n" ],
    [ 'first refused',     [ '550 one', '250 two', '250 three' ], 0, 550, "one\n" ],
    [ 'second refused',    [ '250 one', '450 two', '250 three' ], 0, 450, "two\n" ],
    [ 'last refused',      [ '250 one', '250 two', '552 three' ], 0, 552, "three\n" ],
    [ 'two refused',       [ '250 one', '450 two', '550 three' ], 0, 450, "two\n" ],
    [ 'all refused',       [ '550 one', '551 two', '552 three' ], 0, 550, "one\n" ],
    [ 'two lines in one',  [ '250 one', "550-two\r\n550 more", '250 three' ], 0, 550, "two\nmore\n" ],
) {
    my ($name, $replies, $ok, $code, $message) = @$case;
    my %ways = (
        'data(LIST)'  => sub { $_[0]->data("x\n", "y\n") },
        'data(\@list)' => sub { $_[0]->data([ "x\n", "y\n" ]) },
        'dataend'     => sub { $_[0]->data && $_[0]->datasend("x\ny\n") && $_[0]->dataend },
        'bdatlast'    => sub { $_[0]->bdatlast("x\r\ny\r\n") },
    );
    for my $way (sort keys %ways) {
        my ($lmtp, $server) = session(keywords => [qw(CHUNKING 8BITMIME BINARYMIME)], final => $replies);
        $lmtp->mail('from@x', $way eq 'bdatlast' ? (Bits => 'binary') : ());
        $lmtp->to(@three);
        is(!!$ways{$way}->($lmtp), !!$ok, "$name, by $way");
        is($lmtp->code, $code, '... code');
        is($lmtp->message, $message, '... message');
        is_deeply([ map { $_->code } $lmtp->data_results ], [ map { /^(\d+)/ } @$replies ], '... data_results, in order');
        is_deeply([ map { $_->recipient } $lmtp->data_results ], \@three, '... of each recipient');
        ok($lmtp->_NOOP, '... and the link is in step');
        is_deeply([ $server->problems ], [], '... as the server sees it');
    }
}

# --- result objects ---

{
    my ($lmtp) = session(RCPT => [ '250 2.1.5 ok', '550 5.1.1 no such user', '250 ok', '452 4.2.2 full' ],
        final => [ '250 2.0.0 saved', '451 4.3.0 try again' ]);
    open_message($lmtp, 'b@x', 'Carl <c@x>', '<d@x>', 'e@x');
    ok(!$lmtp->data("x\n"), 'two of four accepted, one of them refused at the end');
    my @results = $lmtp->data_results;
    is_deeply([ shown(@results) ], [ 'b@x success 250 final', 'd@x deferral 451 final' ], 'data_results: the accepted ones');
    my $reference = $lmtp->data_results;
    is_deeply([ shown(@$reference) ], [ shown(@results) ], '... a reference in scalar context');
    is_deeply([ shown($lmtp->results) ], [
        'b@x success 250 final', 'c@x failure 550 rcpt', 'd@x deferral 451 final', 'e@x deferral 452 rcpt'
    ], 'results: those refused at RCPT too, in order');
    is(ref $lmtp->results, 'ARRAY', '... a reference in scalar context');
    isa_ok($results[0], 'Mail::Wire::Result');
    ok($results[0]->is_success && !$results[0]->is_deferral && !$results[0]->is_failure, 'success');
    is($results[0]->enhanced, '2.0.0', '... enhanced code');
    like($results[0]->message, qr/saved/, '... message');
    ok($results[1]->is_deferral && !$results[1]->is_success && !$results[1]->is_failure, 'deferral');
    my $refused = ($lmtp->results)[1];
    ok($refused->is_failure, 'failure');
    is($refused->enhanced, '5.1.1', '... enhanced code');
    like($refused->message, qr/no such user/, '... message');
    is(($lmtp->results)[2]->enhanced, '4.3.0', 'enhanced code of the deferral');
    like($_->as_string, qr/\Q@{[ $_->recipient ]}\E/, 'as_string names ' . $_->recipient) for $lmtp->results;
    is(ref $results[0]->TO_JSON, 'HASH', 'TO_JSON');
}

# --- how long they hold ---

for my $case (
    [ 'NOOP',       1, sub { $_[0]->_NOOP } ],
    [ 'VRFY',       1, sub { $_[0]->verify('x') } ],
    [ 'quit',       1, sub { $_[0]->quit } ],
    [ 'close',      1, sub { $_[0]->close } ],
    [ 'reset',      0, sub { $_[0]->reset } ],
    [ '_RSET',      0, sub { $_[0]->_RSET } ],
    [ 'mail',       0, sub { $_[0]->mail('next@x') } ],
    [ '_MAIL',      0, sub { $_[0]->_MAIL('FROM:<next@x>') } ],
    [ 'command MAIL', 0, sub { $_[0]->command('MAIL', 'FROM:<next@x>')->response } ],
) {
    my ($name, $holds, $code) = @$case;
    my ($lmtp) = session(RCPT => [ '250 ok', '550 no' ]);
    open_message($lmtp, 'b@x', 'c@x');
    $lmtp->data("x\n");
    is(scalar(my @before = $lmtp->results), 2, "results before $name");
    ok($code->($lmtp), $name);
    is(scalar(my @data = $lmtp->data_results), $holds ? 1 : 0, $holds ? '... data_results hold' : '... data_results are gone');
    is(scalar(my @all  = $lmtp->results),      $holds ? 2 : 0, $holds ? '... results hold' : '... results are gone');
}

# --- recipients by any route ---

{
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '250 ok', '550 no', '250 ok' ], final => [ '250 1', '450 2', '250 3' ]);
    is($lmtp->command('MAIL', 'FROM:<from@x>')->response, 2, 'command MAIL');
    ok($lmtp->_RCPT('TO:<b@x>'), '_RCPT');
    is($lmtp->command('RCPT', 'TO:<c@x>')->response, 2, 'command RCPT');
    is($lmtp->command('rcpt to:<d@x>')->response, 5, 'command rcpt, refused');
    ok($lmtp->_RCPT('TO: <"e f"@x> NOTIFY=NEVER'), '_RCPT with a space and a parameter');
    is($lmtp->command('DATA')->response, 3, 'command DATA');
    ok($lmtp->datasend("x\n"), 'datasend');
    ok(!$lmtp->dataend, 'dataend');
    is_deeply([ shown($lmtp->results) ], [
        'b@x success 250 final', 'c@x deferral 450 final', 'd@x failure 550 rcpt', '"e f"@x success 250 final'
    ], 'all of them count');
    ok($lmtp->_NOOP, '... and the link is in step');
}

{
    my ($lmtp, $server) = session(final => [ '250 1', '550 2' ]);
    $lmtp->command('MAIL', 'FROM:<from@x>');
    $lmtp->command('RCPT', 'TO:<b@x>');
    $lmtp->command('RCPT', 'TO:<c@x>');
    is_deeply([ map { $lmtp->response } 1 .. 3 ], [ 2, 2, 2 ], 'commands sent ahead, their replies read later');
    ok(!$lmtp->data("x\n"), 'data');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x failure 550 final' ], '... counts them');
}

# --- scripts that read the further replies themselves ---

{
    my ($lmtp, $server) = session(final => [ [ '250 one', "451-two\r\n451 more", '252 three' ], [ '250 a', '251 b' ] ],
        NOOP => '253 noop', RSET => '254 reset');
    open_message($lmtp, @three);
    ok(!$lmtp->data("x\n"), 'three recipients');
    is($lmtp->response, 4, 'the second reply');
    is_deeply([ $lmtp->code, $lmtp->message ], [ 451, "two\n", "more\n" ], '... code and lines');
    is($lmtp->status, 4, '... status');
    is($lmtp->response, 2, 'the third reply');
    is_deeply([ $lmtp->code, $lmtp->message ], [ 252, "three\n" ], '... code and lines');
    is(wire($server) =~ tr/\n//, 7, 'nothing else was sent');
    ok($lmtp->_NOOP, 'the next command');
    is($lmtp->code, 253, '... has its own reply');
    is($lmtp->code, 253, '... and keeps it');
    is(scalar(my @kept = $lmtp->data_results), 3, 'data_results are not used up');

    open_message($lmtp, 'b@x', 'c@x');
    ok($lmtp->data("x\n"), 'another message');
    is($lmtp->code, 250, '... the first reply');
    is($lmtp->response, 2, '... the second by response');
    is($lmtp->code, 251, '... its code');

    open_message($lmtp, 'b@x', 'c@x');
    ok($lmtp->data("x\n"), 'a third message, whose second reply nobody asks for');
    is($lmtp->command('NOOP'), $lmtp, '... a command');
    is($lmtp->response, 2, '... and response');
    is($lmtp->code, 253, '... which is that of the command');

    open_message($lmtp, 'b@x');
    ok($lmtp->data("x\n"), 'a message with one recipient');
    $lmtp->command('NOOP');
    is($lmtp->response, 2, '... nothing to hand out');
    is($lmtp->code, 253, '... the reply of the command');
    ok($lmtp->reset, 'reset');
    is($lmtp->code, 254, '... its own reply');
}

# Once all are handed out, response reads from the server.
{
    my ($lmtp, $server) = script(
        expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok',
        expect => 'DATA', reply => '354 go', data => undef, reply => [ '250 one', '251 two' ],
        stall => 'replied', reply => '252 later');
    open_message($lmtp, 'b@x', 'c@x');
    ok($lmtp->data("x\n"), 'two recipients');
    is($lmtp->response, 2, 'the second');
    is($lmtp->code, 251, '... handed out');
    $server->release;
    is($lmtp->response, 2, 'one more response');
    is($lmtp->code, 252, '... reads from the server');
}

# --- DATA refused, recipients refused, several messages ---

{
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '550 no', '250 ok' ], DATA => [ '451 4.7.1 not now', '354 go' ]);
    open_message($lmtp, @three);
    ok(!$lmtp->data("x\n"), 'DATA refused');
    is($lmtp->code, 451, '... its code');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x deferral 451 data', 'd@x deferral 451 data' ], '... for each accepted recipient');
    is_deeply([ shown($lmtp->results) ], [ 'b@x deferral 451 data', 'c@x failure 550 rcpt', 'd@x deferral 451 data' ],
        '... and the refused one keeps its own');
    is(($lmtp->data_results)[1]->enhanced, '4.7.1', '... with the enhanced code');
    unlike(wire($server), qr/^x/m, '... and no data sent');
    ok($lmtp->reset, 'reset');
    open_message($lmtp, 'e@x');
    ok($lmtp->data("y\n"), 'the next message goes through');
    is_deeply([ shown($lmtp->results) ], ['e@x success 250 final'], '... with its own results alone');
}

{
    my ($lmtp, $server) = session(final => [ [ '250 a', '450 b' ], ['250 c'], [ '550 d', '250 e', '250 f' ] ]);
    for my $case ([ [ 'b@x', 'c@x' ], [ 250, 450 ] ], [ ['b@x'], [250] ], [ [ 'b@x', 'b@x', 'c@x' ], [ 550, 250, 250 ] ]) {
        my ($to, $codes) = @$case;
        open_message($lmtp, @$to);
        $lmtp->data("x\n");
        is_deeply([ map { $_->code } $lmtp->data_results ], $codes, 'several messages on one link: codes of ' . @$to);
        is_deeply([ map { $_->recipient } $lmtp->results ], $to, '... for the recipients of this one alone');
    }
    ok($lmtp->quit, 'quit');
}

# --- an option that cannot be sent ---

{
    my ($lmtp) = session(keywords => ['DSN']);
    $lmtp->mail('from@x');
    is_deeply([ $lmtp->to('b@x', { SkipBad => 1, ORcpt => 'x y' }) ], [], 'with SkipBad nobody is accepted');
    is($lmtp->to('b@x', { ORcpt => 'x y' }), 0, 'without it: 0');
}

done_testing;
