# How many replies: the cases that are hard, as far as calls made one at a time can meet them.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my @noop = (expect => 'NOOP', reply => '250 ok');

sub begin {
    my ($lmtp, @to) = @_;
    $lmtp->mail('a@x') or return;
    $lmtp->to($_) for @to;
    return 1;
}

sub closed_ok {
    my ($lmtp, $server, $name) = @_;
    ok(!$lmtp->opened, "$name: closed");
    my $before = wire($server);
    ok(!$lmtp->_NOOP, "$name: later calls fail");
    is($lmtp->code, 421, "$name: code 421");
    isnt($lmtp->message, '', "$name: and say why");
    is(wire($server), $before, "$name: nothing more is sent");
}

# --- refusals before the data ---

{
    my ($lmtp, $server) = session(RCPT => [ '550 5.1.1 b', '450 4.2.0 c', '250 ok' ], DATA => [ '503 no recipients', '354 go' ]);
    begin($lmtp, 'b@x', 'c@x');
    ok(!$lmtp->data("x\n"), 'all RCPT refused, DATA refused');
    is($lmtp->code, 503, '... its code');
    is_deeply([ shown($lmtp->results) ], [ 'b@x failure 550 rcpt', 'c@x deferral 450 rcpt' ], '... every recipient keeps its own reply');
    is_deeply([ $lmtp->data_results ], [], '... none was accepted');
    ok($lmtp->reset, '... RSET');
    begin($lmtp, 'd@x');
    ok($lmtp->data("x\n"), '... the link stays usable');
}

{
    my ($lmtp, $server) = session(RCPT => [ '550 5.1.1 b', '450 4.2.0 c' ], final => ['554 no recipients']);
    begin($lmtp, 'b@x', 'c@x');
    ok($lmtp->data, 'all RCPT refused, DATA gets 354 all the same');
    ok($lmtp->datasend("x\n"), '... the data of the caller is sent');
    ok(!$lmtp->dataend, '... one reply is read');
    is($lmtp->code, 554, '... its code');
    like(wire($server), qr/DATA\r\nx\r\n\.\r\n\z/, '... on the wire');
    is_deeply([ shown($lmtp->results) ], [ 'b@x failure 550 rcpt', 'c@x deferral 450 rcpt' ], '... every recipient keeps its own');
    ok($lmtp->_NOOP, '... in step');
}

{
    my ($lmtp) = session(RCPT => '550 5.1.1 b', final => ['250 read']);
    begin($lmtp, 'b@x');
    ok($lmtp->data("x\n"), '... that reply is what data returns');
    is_deeply([ shown($lmtp->results), $lmtp->data_results ], ['b@x failure 550 rcpt'], '... and nobody has it');
}

{
    my ($lmtp, $server) = session(
        MAIL => [ '550 5.7.1 not from you', '250 ok' ], RCPT => [ '503 MAIL first', '503 MAIL first', '250 ok' ],
        DATA => [ '503 no', '354 go' ]);
    ok(!$lmtp->mail('a@x'), 'MAIL refused');
    is($lmtp->code, 550, '... its code');
    ok(!$lmtp->to('b@x'), 'RCPT all the same');
    is($lmtp->code, 503, '... its code');
    ok(!$lmtp->to('c@x'), 'another');
    ok(!$lmtp->data("x\n"), 'DATA all the same');
    is_deeply([ map { $_->code } $lmtp->results ], [ 550, 550 ], 'every recipient gets the reply to MAIL, not the 503');
    is_deeply([ map { $_->stage } $lmtp->results ], [ 'mail', 'mail' ], '... stage mail');
    begin($lmtp, 'd@x');
    ok($lmtp->data("x\n"), '... the link stays usable');
    is_deeply([ shown($lmtp->results) ], ['d@x success 250 final'], '... with results of its own');
}

{
    my ($lmtp, $server) = session(final => ['250 read']);
    ok($lmtp->_DATA, 'no RCPT at all, DATA gets 354');
    ok($lmtp->datasend("query\n"), '... data');
    ok($lmtp->dataend, '... one reply after the dot');
    is($lmtp->message, "read\n", '... its message');
    is_deeply([ $lmtp->data_results ], [], '... no recipient, no result');
    ok($lmtp->_NOOP, '... in step');
    ok($lmtp->mail('a@x') && $lmtp->data("x\n"), 'the same after MAIL');
    ok($lmtp->_NOOP, '... in step');
}

for my $reply ('451 4.3.0 wait', "554-5.7.1 no\r\n554 5.7.1 never") {
    my ($code) = $reply =~ /^(\d+)/;
    my ($lmtp, $server) = session(DATA => [ $reply, '354 go' ]);
    begin($lmtp, 'b@x', 'c@x');
    ok(!$lmtp->data, "DATA refused by $code");
    is_deeply([ map { $_->code . ' ' . $_->stage } $lmtp->data_results ], [ ("$code data") x 2 ], '... is the reply of every accepted recipient');
    ok($lmtp->_NOOP, '... in step');
}

# --- 421 at any point ---

for my $case (
    # where, script, call, results
    [ 'NOOP', [ expect => 'NOOP' ], sub { $_[0]->_NOOP }, [] ],
    [ 'MAIL', [ expect => qr/^MAIL/ ], sub { $_[0]->mail('a@x') }, [] ],
    [ 'RCPT', [ @mail, @rcpt, expect => qr/^RCPT/ ], sub { begin($_[0], 'b@x', 'c@x'); 0 },
        [ 'b@x deferral 421', 'c@x deferral 421' ] ],
    [ 'DATA', [ @mail, @rcpt, @rcpt, expect => 'DATA' ], sub { begin($_[0], 'b@x', 'c@x'); $_[0]->data },
        [ 'b@x deferral 421', 'c@x deferral 421' ] ],
    [ 'the dot', [ @mail, @rcpt, @rcpt, @rcpt, @data, data => undef, reply => '250 b' ],
        sub { begin($_[0], 'b@x', 'c@x', 'd@x'); $_[0]->data("x\n") },
        [ 'b@x success 250 final', 'c@x deferral 421 final', 'd@x deferral 421 final maybe' ] ],
) {
    my ($where, $script, $call, $results) = @$case;
    my ($lmtp, $server) = script(@$script, reply => '421 4.3.2 shutting down', close => undef);
    ok(!$call->($lmtp), "421 at $where");
    is($lmtp->code, 421, '... its code');
    is($lmtp->message, "4.3.2 shutting down\n", '... its message');
    is_deeply([ map { s/ (?:rcpt|data)\z//; $_ } shown($lmtp->results) ], $results, '... results');
    closed_ok($lmtp, $server, "421 at $where");
}

{
    my ($lmtp, $server) = script((@mail, (@rcpt) x 4, @data), data => undef,
        reply => [ '250 b', '421 4.3.2 shutting down', '250 d' ], close => undef);
    begin($lmtp, 'b@x', 'c@x', 'd@x', 'e@x');
    ok(!$lmtp->data("x\n"), '421 among the final replies, one behind it');
    is($lmtp->code, 421, '... the first that was no success');
    is_deeply([ shown($lmtp->results) ], [
        'b@x success 250 final', 'c@x deferral 421 final', 'd@x success 250 final', 'e@x deferral 421 final maybe'
    ], '... answered ones are final, also behind it');
    is(($lmtp->results)[3]->message, ($lmtp->results)[1]->message, '... the rest have that reply');
}

# --- too many replies, or too early ---

{
    my ($lmtp, $server) = script(@mail, @rcpt, @rcpt, @data, data => undef, reply => [ '250 b', '250 c', '250 extra' ], mark => 'sent');
    begin($lmtp, 'b@x', 'c@x');
    $lmtp->data("x\n");
    $server->await('sent');
    is_deeply([ map { $_->recipient } $lmtp->data_results ], [ 'b@x', 'c@x' ], 'one reply too many: two recipients');
    ok(!$lmtp->mail('next@x'), '... the next MAIL fails');
    is($lmtp->code, 421, '... code 421');
    unlike(wire($server), qr/next/, '... nothing was sent');
    closed_ok($lmtp, $server, 'one reply too many');
}

for my $replies ([ '250 over', '550 b' ], [ '550 over', '250 b' ]) {
    my ($lmtp, $server) = script(@mail, @rcpt, @data, data => undef, reply => $replies, mark => 'sent');
    begin($lmtp, 'b@x');
    $lmtp->data;
    $lmtp->datasend("x\n");
    ok(!$lmtp->dataend, "one reply too many, and not the same, $replies->[0]: false");
    is($lmtp->code, 421, '... code 421');
    is_deeply([ shown($lmtp->results) ], ['b@x deferral 421 final maybe'], '... nobody knows which was meant');
    closed_ok($lmtp, $server, '... out of step');
}

for my $waiting ('250 hello', '421 idle too long') {
    my ($lmtp, $server) = script(@mail, @rcpt, @data, data => undef, reply => '250 b', stall => undef, reply => $waiting, mark => 'sent');
    begin($lmtp, 'b@x');
    ok($lmtp->data("x\n"), 'a message');
    $server->release;
    $server->await('sent');
    ok(!$lmtp->mail('next@x'), "bytes wait before MAIL ($waiting)");
    is($lmtp->code, 421, '... code 421');
    unlike(wire($server), qr/next/, '... nothing was sent');
    is_deeply([ $lmtp->data_results ], [], '... and the results of the message before are not taken for its own');
    closed_ok($lmtp, $server, $waiting);
}

{
    my ($lmtp, $server) = script(@mail, @rcpt, expect => 'DATA', reply => [ '354 go', '250 done' ], mark => 'sent');
    begin($lmtp, 'b@x');
    $lmtp->data;
    $server->await('sent');
    $lmtp->datasend("x\n");
    ok(!$lmtp->dataend, 'a positive reply before the dot is no success');
    ok(!(grep { $_->is_success } $lmtp->data_results), '... for nobody');
    closed_ok($lmtp, $server, 'a positive reply before the dot');
}

# --- a negative reply while the body is sent ---

{
    my ($lmtp, $server) = script(@mail, @rcpt, @rcpt, expect => 'DATA', reply => '354 go', bytes => 3, reply => '552 5.3.4 too big',
        mark => 'sent', data => undef, reply => '250 c', @noop);
    begin($lmtp, 'b@x', 'c@x');
    $lmtp->data;
    $lmtp->datasend("x\n");
    $lmtp->flush;
    $server->await('sent');
    ok($lmtp->datasend("x\n"), '552 while the body is sent: datasend goes on');
    ok(!$lmtp->dataend, '... dataend is false');
    is($lmtp->code, 552, '... its code');
    is_deeply([ map { $_->code } $lmtp->data_results ], [ 552, 250 ], '... it is the first reply');
    ok($lmtp->_NOOP, '... in step');
}

{
    my ($lmtp, $server) = script({ server => { rcvbuf => 4096 } }, @mail, @rcpt, @rcpt,
        expect => 'DATA', reply => [ '354 go', '421 4.3.2 full' ], mark => 'sent');
    begin($lmtp, 'b@x', 'c@x');
    $lmtp->data;
    $server->await('sent');
    for (1 .. 400) { $lmtp->datasend('x' x 65536 . "\n") or last }
    ok(!$lmtp->dataend, '421 while the body is sent: dataend is false');
    is($lmtp->code, 421, '... its code');
    is_deeply([ map { $_->code . ' ' . ($_->maybe_delivered ? 'maybe' : 'no') } $lmtp->data_results ], [ ('421 no') x 2 ],
        '... surely not delivered');
    unlike(substr(wire($server), -5), qr/\r\n\.\r\n\z/, '... the dot was not sent');
    closed_ok($lmtp, $server, '421 while the body is sent');
}

# --- two replies to DATA: which one the server goes by cannot be told, and no content is sent ---

for my $second ('550 5.7.1 no', '451 4.3.0 later', '250 ok', 'what') {
    my ($lmtp, $server) = script(@mail, @rcpt, @rcpt, expect => 'DATA', reply => [ '354 go', $second ]);
    begin($lmtp, 'b@x', 'c@x');
    ok(!$lmtp->data("Subject: x\n", "RSET\n"), "354 and '$second' at once: data is false");
    is($lmtp->code, 421, '... code 421');
    is_deeply([ map { $_->code . ' ' . $_->stage . ($_->maybe_delivered ? ' maybe' : '') } $lmtp->results ], [ ('421 data') x 2 ],
        '... surely not delivered');
    unlike(wire($server), qr/Subject|RSET|QUIT/, '... and nothing is sent');
    closed_ok($lmtp, $server, "354 and '$second'");
}

# --- replies that are no good ---

{
    my ($lmtp, $server) = session(MAIL => "250-a\r\n550 b", RCPT => [ "550-a\r\n250 b" ], NOOP => "251-a\r\n252-b\r\n253 c");
    ok(!$lmtp->mail('a@x'), 'codes that differ: MAIL takes that of the last line');
    is($lmtp->code, 550, '... 550');
    ok($lmtp->to('b@x'), 'RCPT takes that of the last line');
    is($lmtp->code, 250, '... 250');
    ok($lmtp->_NOOP, 'NOOP too');
    is($lmtp->code, 253, '... 253');
    is_deeply([ $lmtp->message ], [ "a\n", "b\n", "c\n" ], '... all its lines');
}

for my $case ([ "550-a\r\n250 b", 550 ], [ "250-a\r\n450 b", 450 ], [ "250-a\r\n354-b\r\n250 c", 354 ], [ "251-a\r\n451-b\r\n551 c", 451 ]) {
    my ($reply, $code) = @$case;
    my ($lmtp, $server) = session(final => [$reply]);
    begin($lmtp, 'b@x');
    ok(!$lmtp->data("x\n"), 'a final reply whose lines differ is no success: ' . join '|', split /\r\n/, $reply);
    is($lmtp->code, $code, '... the code of the first line that is no 2xx');
    ok(!($lmtp->data_results)[0]->is_success, '... in the results neither');
}

for my $reply ('354 go', '150 wait') {
    my ($code) = $reply =~ /^(\d+)/;
    my ($lmtp, $server) = session(MAIL => [ $reply, '250 ok' ], RCPT => $reply);
    ok(!$lmtp->mail('a@x'), "MAIL answered by $reply is false");
    is($lmtp->code, $code, '... reported as it is');
    ok($lmtp->mail('a@x'), 'MAIL again');
    is($lmtp->to('b@x'), 0, "RCPT answered by $reply is false");
    is($lmtp->code, $code, '... reported as it is');
    is_deeply([ grep { $_->is_success } $lmtp->results ], [], '... nobody is accepted');
}

# A line that is no reply, in place of a final one, is put back; reading and QUIT go on, nothing else does.
{
    my @garbled = (@mail, (@rcpt) x 3, @data, data => undef, reply => [ '250 b', 'no such thing', '251 behind' ],
        expect => 'QUIT', reply => '221 bye');
    my ($lmtp, $server) = script(@garbled);
    begin($lmtp, 'b@x', 'c@x', 'd@x');
    ok(!$lmtp->data("x\n"), 'a line that is no reply: false');
    is($lmtp->code, 421, '... code 421');
    like($@, qr/^no such thing/, '... it is in $@');
    my @left = ('b@x success 250 final', 'c@x deferral 421 final maybe', 'd@x deferral 421 final maybe');
    is_deeply([ shown($lmtp->data_results) ], \@left, '... the recipients left are deferrals');
    is($lmtp->getline, "no such thing\n", '... getline returns it');
    is($lmtp->response, 2, '... reading goes on');
    is($lmtp->code, 251, '... with what is behind');
    is_deeply([ shown($lmtp->data_results) ], \@left, '... which is credited to nobody');
    ok($lmtp->quit, '... QUIT goes on');
    like(wire($server), qr/\r\n\.\r\nQUIT\r\n\z/, '... and is sent');

    ($lmtp, $server) = script(@garbled);
    begin($lmtp, 'b@x', 'c@x', 'd@x');
    $lmtp->data("x\n");
    my $before = wire($server);
    for my $command (
        [ mail => 'next@x' ], [ to => 'e@x' ], ['data'], ['_NOOP'], ['_RSET'], [ verify => 'x' ], [ hello => 'me' ], [ bdatlast => 'x' ],
    ) {
        my ($method, @arguments) = @$command;
        my @warnings = warnings_of { ok(!$lmtp->$method(@arguments), "... $method fails") };
        is($lmtp->code, 421, '... code 421') if $method ne 'bdatlast';
    }
    is(wire($server), $before, '... nothing sent');
    ok($lmtp->quit, '... QUIT goes on');
    is(wire($server), "${before}QUIT\r\n", '... and is sent');
}

for my $case (
    [ 'NOOP', [ expect => 'NOOP' ], sub { $_[0]->_NOOP }, [] ],
    [ 'RCPT', [ @mail, expect => qr/^RCPT/ ], sub { begin($_[0], 'b@x'); 0 }, ['b@x deferral 421 rcpt'] ],
    [ 'the dot', [ @mail, @rcpt, @data, data => undef ], sub { begin($_[0], 'b@x'); $_[0]->data("x\n") }, ['b@x deferral 421 final maybe'] ],
) {
    my ($where, $script, $call, $results) = @$case;
    my ($lmtp, $server) = script(@$script, send => "250-half\r\n250-a reply\r\n", close => undef);
    ok(!$call->($lmtp), "end of file inside a reply of several lines, at $where");
    is($lmtp->message, '[Net::LMTP] Connection closed', '... is a lost link');
    is_deeply([ shown($lmtp->results) ], $results, '... results');
    closed_ok($lmtp, $server, "end of file at $where");
}

done_testing;
