# What the sync calls are given: addresses in all their forms, options behind them, and what becomes of those that cannot be sent.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

# ---- quotes in addresses

my @quoted = (
    # address, path
    [ '"x <victim@other> x"@test',              '<"x <victim@other> x"@test>' ],
    [ '"Doe <victim@other>" <john@test>',       '<john@test>' ],
    [ '"Doe\\" <victim@other>" <john@test>',    '<john@test>' ],
    [ '"a" <john@test>',                        '<john@test>' ],
    [ '"Doe" "<victim@other>" <john@test>',     '<john@test>' ],
    [ 'Ann "<victim@other>" <"j <v@o> d"@test> x <z@z>', '<"j <v@o> d"@test>' ],
    [ '<"<victim@other>"@test>',                '<"<victim@other>"@test>' ],
    [ "\"Doe\r\n <victim\@other>\" <john\@test>", '<john@test>' ],
);

for my $case (@quoted) {
    my ($address, $path) = @$case;
    (my $shown = $address) =~ s/([\x00-\x1f])/sprintf '\\x%02x', ord $1/eg;
    my ($lmtp, $server) = session(keywords => ['PIPELINING']);
    ok($lmtp->mail($address), "mail: $shown");
    is($lmtp->to($address), 1, '... to');
    is_deeply([ $lmtp->recipient($address, $address, { SkipBad => 1 }) ], [ $address, $address ], '... recipient');
    is(wire($server), "MAIL FROM:$path\r\n" . "RCPT TO:$path\r\n" x 3, '... on the wire');
    $lmtp->data("x\n");
    is(($lmtp->results)[0]->recipient, substr($path, 1, -1), '... and in the result');
    next if $address =~ /\r/;    # deliveries take no line end anywhere

    for my $extra ([], [ Deadline => 60 ]) {
        my @results = $lmtp->deliver(From => $address, To => [$address], Data => "x\n", @$extra);
        is_deeply([ shown(@results) ], [ substr($path, 1, -1) . ' success 250 final' ], '... deliver' . (@$extra ? ', the long way' : ''));
        $lmtp->submit(From => $address, To => [$address], Data => "x\n", @$extra);
        my $delivery = $lmtp->collect;
        is_deeply([ shown($delivery->results) ], [ substr($path, 1, -1) . ' success 250 final' ], '... submit');
    }
    unlike(wire($server), qr/:<victim\@other>/, '... and nobody else gets it');
}

# Quotes around what may not stand in an address hide a bracket all the same.
for my $address ("\"x\r\n <victim\@other> x\"\@test", "\"x\1 <victim\@other> x\"\@test", "<\"x\x7f <victim\@other> x\"\@test>") {
    my ($lmtp, $server) = session();
    ok(!$lmtp->mail($address), 'an address with a control character in quotes');
    is($lmtp->code, 501, '... is refused');
    $lmtp->mail('a@x');
    ok(!$lmtp->to($address), '... as a recipient, too');
    is_deeply([ map { $_->status } $lmtp->deliver(From => 'a@x', To => [$address], Data => 'x') ], ['failure'], '... deliver') if $lmtp->reset;
    unlike(wire($server), qr/victim/, '... and never sent');
}

# ---- options behind the addresses

my @forms = (
    # arguments of recipient, paths, parameters, accepted
    [ [ 'a@x', 'b@x', SkipBad => 1 ],                     [qw(a@x b@x)], '' ],
    [ [ 'a@x', 'b@x', { SkipBad => 1 } ],                 [qw(a@x b@x)], '' ],
    [ [ [ 'a@x', 'b@x' ], SkipBad => 1 ],                 [qw(a@x b@x)], '' ],
    [ [ [ 'a@x', 'b@x' ], { SkipBad => 1 } ],             [qw(a@x b@x)], '' ],
    [ [ 'c@x', [ 'a@x', 'b@x' ], 'd@x' ],                 [qw(c@x a@x b@x d@x)], '' ],
    [ [ 'a@x', Notify => 'NEVER' ],                       [qw(a@x)], ' NOTIFY=NEVER' ],
    [ [ 'a@x', Notify => [qw(SUCCESS DELAY)] ],           [qw(a@x)], ' NOTIFY=SUCCESS,DELAY' ],
    [ [ 'a@x', ORcpt => 'rfc822;c@x', SkipBad => 0 ],     [qw(a@x)], ' ORCPT=rfc822;c@x' ],
    [ [ 'a@x', SkipBad => 1, { Notify => 'NEVER' } ],     [qw(a@x)], ' NOTIFY=NEVER' ],
    [ [ 'a@x', SkipBad => undef ],                        [qw(a@x)], '' ],
    [ [ 'a@x', {} ],                                      [qw(a@x)], '' ],
    [ [ 'SkipBad' ],                                      [qw(SkipBad)], '' ],
    [ [ 'a@x', 'SkipBad' ],                               [qw(a@x SkipBad)], '' ],
    [ [ 'notify', 'a@x' ],                                [qw(notify a@x)], '', 1 ],
    [ [ 'a@x', 'b@x', 'c@x' ],                            [qw(a@x b@x c@x)], '' ],
    [ [ '' ],                                             [''], '' ],
    [ [ undef ],                                          [''], '' ],
);

for my $case (@forms) {
    my ($arguments, $to, $parameters, $warned) = @$case;
    my $shown = join ', ', map { !defined $_ ? 'undef' : ref $_ ? '[...]' : $_ } @$arguments;
    for my $method (qw(recipient to cc bcc)) {
        my ($lmtp, $server) = session(keywords => ['DSN']);
        $lmtp->mail('s@x');
        my @got;
        my @warnings = warnings_of { @got = $lmtp->$method(@$arguments) };
        ok(@got && $got[0], "$method($shown)");
        is(wire($server), "MAIL FROM:<s\@x>\r\n" . join('', map {"RCPT TO:<$_>$parameters\r\n"} @$to), '... on the wire');
        is(scalar @warnings, $warned || 0, '... warnings') or diag(@warnings);
    }
}

for my $case (
    [ [ 'a@x', SkipBad => 1, Foo => 1 ], qr/unknown option\(s\) Foo/ ],
    [ [ 'a@x', { skipbad => 1 } ],       qr/'skipbad' is unknown; is the option SkipBad meant\?/ ],
    [ [ 'a@x', { NOTIFY => 'NEVER' } ],  qr/'NOTIFY' is unknown; is the option Notify meant\?/ ],
    [ [ 'a@x', skipbad => 1 ],           qr/'skipbad' is taken for an address; is the option SkipBad meant\?/ ],
) {
    my ($arguments, $why) = @$case;
    my ($lmtp) = session(keywords => ['DSN']);
    $lmtp->mail('s@x');
    my @warnings = warnings_of { $lmtp->to(@$arguments) };
    like("@warnings", $why, "a warning: $why");
    like("@warnings", qr/ at \Q$0\E line/, '... at the line of the caller');
}

for my $case (
    [ [ Size => 10 ],                   ' SIZE=10' ],
    [ [ { Size => 10 } ],               ' SIZE=10' ],
    [ [ { Size => 10, Return => 'FULL' } ], ' SIZE=10 RET=FULL' ],
    [ [ Return => 'FULL', { Size => 10 } ], ' SIZE=10 RET=FULL' ],
    [ [ {} ],                           '' ],
    [ [ undef ],                        '' ],
    [ [ size => 10 ],                   '', qr/'size' is unknown; is the option Size meant\?/ ],
    [ [ 'Size' ],                       '', qr/odd number/ ],
) {
    my ($arguments, $parameters, $warned) = @$case;
    my ($lmtp, $server) = session(keywords => [qw(SIZE DSN)]);
    my @warnings = warnings_of { ok($lmtp->mail('a@x', @$arguments), 'mail with options') };
    is(wire($server), "MAIL FROM:<a\@x>$parameters\r\n", '... on the wire');
    like("@warnings", $warned || qr/\A\z/, '... with a warning, or none');
}

# ---- nobody

for my $arguments ([], [ [] ], [ {} ], [ { SkipBad => 1 } ], [ [], SkipBad => 1 ], [ [], [] ]) {
    my ($lmtp, $server) = session();
    $lmtp->mail('s@x');
    my $sent = wire($server);
    for my $method (qw(recipient to cc bcc)) {
        ok(!$lmtp->$method(@$arguments), "$method of nobody is false");
        is($lmtp->code, 501, '... code 501');
        like($lmtp->message, qr/no address/, '... says why');
        my @list = $lmtp->$method(@$arguments);
        ok(!grep({$_} @list), '... in list context, too');
    }
    is(wire($server), $sent, '... nothing sent');
}

# ---- refused here: in the results, in order

my $why = qr/is an address that cannot stand in a command: white space outside quotes/;
for my $keywords ([], ['PIPELINING']) {
    my ($lmtp, $server) = session(keywords => [ 'DSN', @$keywords ], RCPT => [ '250 ok', '550 no', '250 ok' ]);
    $lmtp->mail('s@x');
    my @accepted = $lmtp->recipient('bad one@x', 'a@x', "bad\r\ntwo\@x", 'b@x', 'c@x', 'bad three@x', { SkipBad => 1 });
    is_deeply(\@accepted, [ 'a@x', 'c@x' ], 'SkipBad: the accepted ones' . (@$keywords ? ', in a group' : ''));
    is($lmtp->code, 501, '... code of the last one');
    like($lmtp->message, qr/\A'bad three\@x' $why\n\z/, '... which address, and why');
    ok($lmtp->data("x\n"), '... data');
    is_deeply([ shown($lmtp->results) ], [
        'bad one@x failure 501 rcpt', 'a@x success 250 final', "bad\r\ntwo\@x failure 501 rcpt", 'b@x failure 550 rcpt',
        'c@x success 250 final', 'bad three@x failure 501 rcpt' ], '... results of all of them, in order');
    like(($lmtp->results)[0]->message, $why, '... with their words');
    like(($lmtp->results)[2]->message, qr/\A'bad\\x0d\\x0atwo\@x' is .*: CR, LF or NUL in a command\z/, '... in one line');
    is_deeply([ shown($lmtp->data_results) ], [ 'a@x success 250 final', 'c@x success 250 final' ], '... data_results are the accepted ones');
    ok($lmtp->_NOOP, '... and the link is in step');
}

for my $case (
    # name, calls, results
    [ 'recipient', sub { $_[0]->mail('s@x'); $_[0]->to('bad one@x'); $_[0]->to('a@x'); $_[0]->data("x\n") },
        [ 'bad one@x failure 501 rcpt', 'a@x success 250 final' ] ],
    [ 'recipient, several at once', sub { $_[0]->mail('s@x'); $_[0]->to('a@x', 'bad one@x', 'b@x') },
        [ 'a@x deferral 421 rcpt', 'bad one@x failure 501 rcpt' ] ],
    [ 'recipient with a bad option', sub { $_[0]->mail('s@x'); $_[0]->to('a@x', { ORcpt => 'x y' }) }, ['a@x failure 501 rcpt'] ],
    [ 'recipient of a long address', sub { $_[0]->mail('s@x'); $_[0]->to('a' x 13_000) }, [ 'a' x 13_000 . ' failure 501 rcpt' ] ],
    [ 'recipient without mail', sub { $_[0]->to('bad one@x') }, ['bad one@x failure 501 rcpt'] ],
    [ '_RCPT', sub { $_[0]->mail('s@x'); $_[0]->_RCPT("TO:<a\nb>") }, [ "a\nb failure 501 rcpt" ] ],
    [ 'mail', sub { $_[0]->mail('bad one@x'); $_[0]->to('a@x'); $_[0]->to('bad two@x') }, [ 'a@x failure 501 mail', 'bad two@x failure 501 mail' ] ],
    [ 'mail with a bad option', sub { $_[0]->mail('s@x', ENVID => 'x y'); $_[0]->to('a@x') }, ['a@x failure 501 mail'] ],
    [ 'mail, after a message', sub { $_[0]->mail('s@x'); $_[0]->to('b@x'); $_[0]->data("x\n"); $_[0]->mail('bad one@x'); $_[0]->to('a@x') },
        ['a@x failure 501 mail'] ],
    [ 'send', sub { $_[0]->send('bad one@x'); $_[0]->to('a@x') }, ['a@x failure 501 mail'] ],
    [ '_MAIL', sub { $_[0]->_MAIL("FROM:<a\nb>"); $_[0]->to('a@x') }, ['a@x failure 501 mail'] ],
) {
    my ($name, $calls, $results) = @$case;
    my ($lmtp) = session(keywords => ['DSN'], RCPT => $name =~ /mail|MAIL|send/ ? [ $name =~ /after/ ? '250 ok' : (), ('503 MAIL first') x 3 ] : '250 ok');
    $calls->($lmtp);
    is_deeply([ shown($lmtp->results) ], $results, "refused here: $name");
}

# A message of before keeps nothing, and no transaction of the server's is thought to be gone.
{
    my ($lmtp) = session(final => [ [ '250 one', '550 two' ] ]);
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    ok(!$lmtp->mail('bad one@x'), 'a sender that is refused here, inside a transaction');
    $lmtp->to('b@x');
    ok(!$lmtp->data("x\n"), '... the server has both recipients');
    is_deeply([ shown($lmtp->results) ], [ 'a@x success 250 final', 'b@x failure 550 final' ], '... and so have the results');
}

# ---- which, and why

for my $case (
    [ 'a b@x',              'white space outside quotes' ],
    [ "a\tb\@x",            'white space outside quotes' ],
    [ 'a@x> NOTIFY=NEVER',  'a closing bracket outside quotes' ],
    [ '"a@x',               'a quoted string that does not end' ],
    [ "a\1\@x",             'a control character' ],
    [ "\"a\1\"\@x",         'a control character in quotes' ],
    [ "a\0\@x",             'CR, LF or NUL in a command' ],
    [ 'a\\"b"@x',           'a quotation mark behind a backslash, outside quotes' ],
) {
    my ($address, $fault) = @$case;
    (my $shown = $address) =~ s/([\x00-\x1f])/sprintf '\\x%02x', ord $1/eg;
    my $words = "'$shown' is an address that cannot stand in a command: $fault";
    my ($lmtp) = session();
    $lmtp->mail($address);
    is($lmtp->message, "$words\n", "mail: $words");
    $lmtp->mail('s@x');
    $lmtp->to($address);
    is($lmtp->message, "$words\n", '... to');
    $lmtp->reset;
    is(($lmtp->deliver(From => 's@x', To => [$address], Data => 'x'))[0]->message, $words, '... deliver To');
    is(($lmtp->deliver(From => $address, To => ['a@x'], Data => 'x'))[0]->message, "sender: $words", '... deliver From');
}
{
    my ($lmtp) = session();
    $lmtp->mail('s@x');
    $lmtp->to('a ' x 5000);
    cmp_ok(length $lmtp->message, '<', 400, 'a long address is shown in part');
    like($lmtp->message, qr/\.\.\.' is an address/, '... which one can see');
}

done_testing;
