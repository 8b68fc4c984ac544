# Addresses that would add parameters to a command, or another one.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my @evil = (
    # name, address, with ExactAddresses
    [ 'a bracket and a parameter',           'a@x> NOTIFY=NEVER',      0 ],
    [ 'a bracket and a bracket',             'a@x> <b@x',              1 ],
    [ 'a parameter',                         'a@x SIZE=1',             0 ],
    [ 'a space inside the brackets',         '<a@x SIZE=1>',           0 ],
    [ 'a tab inside the brackets',           "<a\@x\tSIZE=1>",         0 ],
    [ 'brackets, and a parameter inside',    '<a@x> SIZE=1>',          1 ],
    [ 'a space in the local part',           'a b@x',                  0 ],
    [ 'a quoted string that does not end',   '"a@x> SIZE=1',           0 ],
    [ 'an escaped quote',                    '"a\\"@x> SIZE=1',        0 ],
    [ 'a quoted string, then a bracket',     '"a"@x> SIZE=1',          0 ],
    [ 'only a bracket',                      '>',                      0 ],
    [ 'a line feed inside the brackets',     "<a\@x\n>",               0 ],
);

for my $case (@evil) {
    my ($name, $address, $exact) = @$case;
    for my $options ({}, { ExactAddresses => 1 }) {
        next if $exact && !%$options;
        my $label = %$options ? "$name, exact" : $name;
        my ($lmtp, $server) = session($options, keywords => ['DSN']);
        for my $method (qw(mail send send_or_mail send_and_mail)) {
            ok(!$lmtp->$method($address), "$method: $label");
            is($lmtp->code, 501, '... code 501');
            is(wire($server), '', '... nothing sent');
        }
        $lmtp->mail('from@x');
        my $sent = wire($server);
        is($lmtp->recipient($address), 0, "recipient: $label");
        is($lmtp->code, 501, '... code 501');
        is(wire($server), $sent, '... nothing sent');
        ok($lmtp->to('good@x'), '... and the next one goes on');
        is(wire($server), "${sent}RCPT TO:<good\@x>\r\n", '... clean');
        ok($lmtp->data("x\n"), '... to its end');
        ok((grep { $_->recipient eq 'good@x' && $_->is_success } $lmtp->results), '... with its result');
    }
}

# What looks odd and is right.
my @good = (
    [ 'a quoted bracket',           '"a>b"@x',                '<"a>b"@x>', 1 ],
    [ 'a quoted space',             '"a b"@x',                '<"a b"@x>', 0 ],
    [ 'an escaped quote',           '"a\\"b"@x',              '<"a\\"b"@x>', 0 ],
    [ 'a source route',             '<@r.example:a@x>',       '<@r.example:a@x>', 0 ],
    [ 'plus, slash and the like',   'a+b/c=d@x',              '<a+b/c=d@x>', 0 ],
    [ 'a bracket whose quote has no end, then an address', '<"a <b@x>', '<b@x>', 0 ],
    [ 'an address literal',         'a@[127.0.0.1]',          '<a@[127.0.0.1]>', 0 ],
);

for my $case (@good) {
    my ($name, $address, $sent, $exact) = @$case;
    my ($lmtp, $server) = session({ ExactAddresses => $exact });
    ok($lmtp->mail($address), "mail: $name");
    is($lmtp->recipient($address), 1, "recipient: $name");
    is(wire($server), "MAIL FROM:$sent\r\nRCPT TO:$sent\r\n", '... on the wire');
    is(($lmtp->data("x\n"), $lmtp->data_results)[1]->recipient, substr($sent, 1, -1), '... and in the result');
}

done_testing;
