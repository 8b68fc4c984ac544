# Net::LMTP's commands: what goes out, what comes back.

use strict;
use warnings;

# Before Net::LMTP, in case that it takes the function by name.
my $Guess;
BEGIN {
    require Net::Domain;
    no warnings 'redefine';
    *Net::Domain::hostfqdn = sub { $Guess };
}

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

can_ok('Net::LMTP', qw(hello mail send send_or_mail send_and_mail recipient to cc bcc data bdat bdatlast datafh reset
    expand verify etrn help quit banner domain supports auth starttls host can_ssl can_inet6
    _LHLO _MAIL _RCPT _SEND _SOML _SAML _VRFY _EXPN _HELP _ETRN _AUTH _RSET _NOOP _QUIT _DATA _STARTTLS _BDAT _TURN));

# --- greeting and LHLO ---

{
    my $server = ScriptedServer->new(script => ScriptedServer::session(greeting => '220 mx.example LMTP ready'));
    for my $case ([ 'guess.example', 'guess.example' ], [ undef, 'localhost.localdomain' ], [ '', 'localhost.localdomain' ]) {
        my ($guess, $name) = @$case;
        $Guess = $guess;
        my $lmtp = Net::LMTP->new($server->args, Helo => 'ignored.example');
        is($server->received, "LHLO $name\r\n", 'the guessed name when hostfqdn says ' . (defined $guess ? "'$guess'" : 'nothing'));
        is($lmtp->banner, "mx.example LMTP ready\n", 'banner');
        is($lmtp->domain, 'mx.example', 'domain');
        $Guess = 'other.example';
        is($lmtp->hello, 'server.example', 'hello returns the name of the server');
        like($server->received, qr/^LHLO other\.example\r\n\z/m, 'hello without a name guesses it');
        ok($lmtp->hello('given.example'), 'hello with a name');
        like($server->received, qr/^LHLO given\.example\r\n\z/m, '... says it');
    }
}

for my $case (
    [ 'a bare 250',       "250\r\n",                  ' ' ],
    [ 'name and text',    "250 mx.example at your service\r\n", 'mx.example' ],
    [ 'several lines',    "250-mx.example\r\n250 SIZE 1\r\n",   'mx.example' ],
    [ 'bare line feeds',  "250-mx.example\n250 SIZE 1\n",       'mx.example' ],
    [ 'refused',          "550 no\r\n",               undef ],
) {
    my ($name, $reply, $expected) = @$case;
    my ($lmtp, $server) = session({ SendHello => 0 }, LHLO => $reply);
    is(scalar $lmtp->hello('me'), $expected, "hello: $name");
}

{
    my ($lmtp) = session(LHLO => [ join("\r\n", '250-mx.example', '250-pipelining', '250-SIZE 1000', '250-AUTH=LOGIN PLAIN',
        '250-8BITMIME', '250-x-thing  a  b', '250 Ok SESSIONID=<x>'), "250-mx.example\r\n250 DSN", "250-mx.example\r\n250-DSN\r\n250 " ]);
    my @table = (
        [ 'PIPELINING', '' ], [ 'pipelining', '' ], [ 'Size', 1000 ], [ 'AUTH', 'LOGIN PLAIN' ], [ '8BITMIME', '' ],
        [ 'X-THING', 'a  b' ], [ 'OK', undef ], [ 'DSN', undef ], [ 'MX', undef ],
    );
    is(scalar $lmtp->supports($_->[0]), $_->[1], "supports $_->[0]") for @table;
    is($lmtp->code, 250, 'supports leaves the status alone');
    is(scalar $lmtp->supports('ETRN', 500, ["Command unknown: 'ETRN'\n"]), undef, 'supports with a status, not offered');
    is($lmtp->code, 500, '... sets the code');
    is($lmtp->message, "Command unknown: 'ETRN'\n", '... and the message');
    is(scalar $lmtp->supports('SIZE', 501, ['x']), 1000, 'supports with a status, offered');
    is($lmtp->code, 500, '... does not');
    ok($lmtp->hello('again'), 'another hello');
    is(scalar $lmtp->supports('SIZE'), undef, '... forgets what was offered before');
    is(scalar $lmtp->supports('DSN'), '', '... and knows what is offered now');
    ok($lmtp->hello('again'), 'an LHLO reply whose last line has no keyword');
    is(scalar $lmtp->supports('DSN'), '', '... is read to its end');
    ok($lmtp->_NOOP, '... and the session goes on');
}

{
    my ($lmtp) = session(greeting => "220-mx.example one\r\n220 two");
    like($lmtp->banner, qr/^mx\.example one\n/, 'a banner of two lines');
    is($lmtp->domain, 'mx.example', '... whose first word is the domain');
}

# --- addresses ---

my @addresses = (
    [ 'plain',            'a@x.example',              '<a@x.example>' ],
    [ 'in brackets',      '<a@x.example>',            '<a@x.example>' ],
    [ 'with a phrase',    'Ann Example <a@x.example>','<a@x.example>' ],
    [ 'the first of two', '<a@x> <b@x>',              '<a@x>' ],
    [ 'outer white space', "  \ta\@x \n",             '<a@x>' ],
    [ 'no domain',        'postmaster',               '<postmaster>' ],
    [ 'undefined',        undef,                      '<>' ],
    [ 'empty',            '',                         '<>' ],
    [ 'empty brackets',   '<>',                       '<>' ],
    [ 'zero',             '0',                        '<0>' ],
);

{
    my ($lmtp, $server) = session();
    my $wire = '';
    for my $case (@addresses) {
        my ($name, $address, $sent) = @$case;
        ok($lmtp->mail($address), "mail: $name");
        is($lmtp->recipient($address), 1, "recipient: $name");
        $wire .= "MAIL FROM:$sent\r\nRCPT TO:$sent\r\n";
        is(wire($server), $wire, '... on the wire');
    }
}

{
    my ($lmtp, $server) = session({ ExactAddresses => 1 });
    my @exact = (
        [ 'a@x',       '<a@x>' ],
        [ ' <a@x> ',   '<a@x>' ],
        [ '<"a>b"@x>', '<"a>b"@x>' ],
        [ '"a>b"@x',   '<"a>b"@x>' ],
        [ '<"a b"@x>', '<"a b"@x>' ],
        [ undef,       '<>' ],
    );
    ok($lmtp->mail($_->[0]), 'exact address ' . (defined $_->[0] ? $_->[0] : 'undef')) for @exact;
    is(wire($server), join('', map { "MAIL FROM:$_->[1]\r\n" } @exact), '... on the wire');
}

# --- commands that take arguments or none ---

{
    my ($lmtp, $server) = session(keywords => ['ETRN']);
    my @table = (
        [ send          => ['a@x'],       'SEND FROM:<a@x>' ],
        [ send_or_mail  => ['<a@x>'],     'SOML FROM:<a@x>' ],
        [ send_and_mail => ['A <a@x>'],   'SAML FROM:<a@x>' ],
        [ reset         => [],            'RSET' ],
        [ verify        => ['ann'],       'VRFY ann' ],
        [ expand        => ['list'],      'EXPN list' ],
        [ help          => [],            'HELP' ],
        [ help          => ['MAIL'],      'HELP MAIL' ],
        [ etrn          => ['x.example'], 'ETRN x.example' ],
        [ to            => ['b@x'],       'RCPT TO:<b@x>' ],
        [ cc            => ['c@x'],       'RCPT TO:<c@x>' ],
        [ bcc           => ['d@x'],       'RCPT TO:<d@x>' ],
        [ _LHLO         => ['raw name'],  'LHLO raw name' ],
        [ _MAIL         => ['FROM:<a>'],  'MAIL FROM:<a>' ],
        [ _MAIL         => ['FROM:<id> DSPAMPROCESSMODE="--x"'], 'MAIL FROM:<id> DSPAMPROCESSMODE="--x"' ],
        [ _RCPT         => ['TO:<b>'],    'RCPT TO:<b>' ],
        [ _RCPT         => ['TO:<b>', 'X=1'], 'RCPT TO:<b> X=1' ],
        [ _RSET         => [],            'RSET' ],
        [ _SEND         => ['FROM:<a>'],  'SEND FROM:<a>' ],
        [ _RSET         => [],            'RSET' ],
        [ _SOML         => ['FROM:<a>'],  'SOML FROM:<a>' ],
        [ _RSET         => [],            'RSET' ],
        [ _SAML         => ['FROM:<a>'],  'SAML FROM:<a>' ],
        [ _RSET         => [],            'RSET' ],
        [ _VRFY         => ['ann'],       'VRFY ann' ],
        [ _EXPN         => ['list'],      'EXPN list' ],
        [ _HELP         => [],            'HELP' ],
        [ _ETRN         => ['@x'],        'ETRN @x' ],
        [ _AUTH         => ['PLAIN', '='],'AUTH PLAIN =' ],
        [ _NOOP         => [],            'NOOP' ],
        [ _MAIL         => ["FROM:<a>\r\n"], 'MAIL FROM:<a>' ],
        [ _RCPT         => ["TO:<b>\n"],  'RCPT TO:<b>' ],
        [ _NOOP         => [],            'NOOP' ],
        [ _DATA         => [],            'DATA' ],
    );
    my $wire = '';
    for my $case (@table) {
        my ($method, $arguments, $line) = @$case;
        ok(scalar $lmtp->$method(@$arguments), "$method returns true");
        $wire .= "$line\r\n";
    }
    is(wire($server), $wire, '... and all that went out is right');
    is($lmtp->code, 354, '_DATA is true for a 354');
    ok($lmtp->dataend, '... and opened the data');
    is(wire($server), "$wire.\r\n", '... ended by a dot');
    is($lmtp->_TURN, 0, '_TURN is unsupported');
    is($lmtp->code, 580, '... code 580');
    is(wire($server), "$wire.\r\n", '... nothing sent');
    ok($lmtp->_QUIT, '_QUIT');
}

{
    my ($lmtp, $server) = session(map { $_ => '502 no' } qw(MAIL SEND SOML SAML VRFY EXPN HELP ETRN AUTH RSET NOOP DATA STARTTLS RCPT));
    for my $verb (qw(MAIL RCPT SEND SOML SAML VRFY EXPN HELP ETRN AUTH)) {
        my $method = "_$verb";
        ok(!$lmtp->$method('x'), "_$verb refused is false");
        is($lmtp->code, 502, '... with the code of the server');
    }
    for my $verb (qw(RSET NOOP DATA)) {
        my $method = "_$verb";
        ok(!$lmtp->$method, "_$verb refused is false");
    }
    is(scalar $lmtp->help, undef, 'help refused is undef');
    is_deeply([ $lmtp->expand('x') ], [], 'expand refused is the empty list');
    ok(!$lmtp->verify('x'), 'verify refused is false');
    ok(!$lmtp->etrn('x'), 'etrn not offered is false');
    is($lmtp->code, 500, '... code 500');
    unlike(wire($server), qr/ETRN x\r\nETRN/, '... nothing sent');
}

{
    my ($lmtp, $server) = session(EXPN => "250-Ann <a\@x>\r\n250 Bob <b\@x>", HELP => "214-one\r\n214 two", DATA => '250 not 354');
    is_deeply([ $lmtp->expand('list') ], [ "Ann <a\@x>\n", "Bob <b\@x>\n" ], 'expand returns the lines');
    is($lmtp->help, "one\ntwo\n", 'help returns the text');
    ok(!$lmtp->_DATA, '_DATA is false for a 250');
}

{
    my ($lmtp, $server) = session();
    ok($lmtp->mail('a'), 'mail');
    ok($lmtp->to('b', 'c'), 'to');
    my $back = $lmtp->_BDAT(2, 'LAST');
    is($back, $lmtp, '_BDAT returns the object');
    is($lmtp->code, 250, '... having read nothing');
    ok($lmtp->rawdatasend('x.'), '... so that the bytes can follow');
    is($lmtp->response, 2, '... and then the reply');
    is(wire($server), "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nRCPT TO:<c>\r\nBDAT 2 LAST\r\nx.", '... on the wire');
}

{
    my ($lmtp, $server) = session();
    ok($lmtp->quit, 'quit');
    ok(!$lmtp->opened, '... closes');
    is(wire($server), "QUIT\r\n", '... says QUIT');
    ($lmtp, $server) = session(QUIT => '500 never heard of it');
    ok($lmtp->quit, 'quit is true when closed, whatever the server says');
}

# --- options of mail and recipient ---

my @keywords = ('SIZE 1000', qw(DSN 8BITMIME BINARYMIME CHUNKING CHECKPOINT), 'AUTH PLAIN', 'XVERP');
my @mail_options = (
    [ [ Size => 42 ],                 'SIZE=42' ],
    [ [ Return => 'FULL' ],           'RET=FULL' ],
    [ [ Return => 'full' ],           'RET=FULL' ],
    [ [ Return => 'HDRS' ],           'RET=HDRS' ],
    [ [ Return => 'other' ],          'RET=HDRS' ],
    [ [ Bits => 7 ],                  'BODY=7BIT' ],
    [ [ Bits => 8 ],                  'BODY=8BITMIME' ],
    [ [ Transaction => 'id@x' ],      'TRANSID=<id@x>' ],
    [ [ Envelope => 'QQ314159' ],     'ENVID=QQ314159' ],
    [ [ Envelope => 'a+b=c d~' ],     'ENVID=a+2Bb+3Dc+20d~' ],
    [ [ Envelope => "\x{ff}" ],       'ENVID=+FF' ],
    [ [ ENVID => 'a+2Bb' ],           'ENVID=a+2Bb' ],
    [ [ AUTH => '<>' ],               'AUTH=<>' ],
    [ [ AUTH => '' ],                 'AUTH=<>' ],
    [ [ AUTH => 'e+3Dmc2@x' ],        'AUTH=e+3Dmc2@x' ],
    [ [ XVERP => 1 ],                 'XVERP' ],
    [ [ Bits => 'binary' ],           'BODY=BINARYMIME' ],
);

for my $case (@mail_options) {
    my ($options, $parameter) = @$case;
    my ($name, $value) = @$options;
    my $label = $value =~ /[^ -~]/ ? "$name => (octets)" : "$name => '$value'";
    my ($lmtp, $server) = session(keywords => \@keywords);
    my @warnings = warnings_of { ok($lmtp->mail('a@x', @$options), "mail: $label") };
    is(wire($server), "MAIL FROM:<a\@x> $parameter\r\n", '... its parameter');
    is_deeply(\@warnings, [], '... no warning');
    for my $offered ([], ['PIPELINING']) {
        ($lmtp, $server) = session(keywords => $offered);
        @warnings = warnings_of { ok($lmtp->mail('a@x', @$options), "mail: $label, not offered") };
        is(wire($server), "MAIL FROM:<a\@x>\r\n", '... left out');
        is(scalar @warnings, 1, '... a warning');
        like($warnings[0], qr/\Q@{[ __FILE__ ]}\E/, '... at the line of the caller') if @warnings;
    }
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    my @warnings = warnings_of { ok($lmtp->mail('a@x', Colour => 'red', Size => 1), 'mail: an unknown option') };
    is(wire($server), "MAIL FROM:<a\@x> SIZE=1\r\n", '... is left out');
    like("@warnings", qr/Colour/, '... and warned of');
    ok($lmtp->mail('a@x', Size => 7, Return => 'FULL', Bits => 8, Envelope => 'e'), 'mail: several options');
    my ($line) = wire($server) =~ /\n(MAIL.*)\r\n\z/;
    is_deeply([ sort split / /, $line ], [ sort 'MAIL', 'FROM:<a@x>', 'SIZE=7', 'RET=FULL', 'BODY=8BITMIME', 'ENVID=e' ], '... all there');
}

{
    my ($lmtp, $server) = session({ SendHello => 0 });
    my @warnings = warnings_of { ok($lmtp->mail('a@x', Size => 1), 'mail: an option without LHLO') };
    is($server->received, "MAIL FROM:<a\@x>\r\n", '... is left out');
    is(scalar @warnings, 1, '... and warned of');
}

{
    my ($lmtp, $server) = session(keywords => ['DSN']);
    $lmtp->mail('a@x');
    my @warnings = warnings_of {
        ok($lmtp->recipient('b@x', 'c@x', { Notify => [ 'success', 'FAILURE' ], ORcpt => 'rfc822;b@x' }), 'recipient: Notify and ORcpt')
    };
    my $parameters = 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@x';
    is(wire($server), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x> $parameters\r\nRCPT TO:<c\@x> $parameters\r\n", '... for each address');
    is_deeply(\@warnings, [], '... no warning');
    @warnings = warnings_of { ok($lmtp->recipient('d@x', { Colour => 'red' }), 'recipient: an unknown option') };
    like("@warnings", qr/Colour/, '... is warned of');
    like(wire($server), qr/RCPT TO:<d\@x>\r\n\z/, '... and left out');
    ok($lmtp->recipient('e@x', { Notify => [] }), 'recipient: Notify with an empty list');
    like(wire($server), qr/RCPT TO:<e\@x>\r\n\z/, '... is none');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    my @warnings = warnings_of { ok($lmtp->recipient('b@x', { Notify => ['NEVER'], ORcpt => 'x' }), 'recipient: options not offered') };
    is(wire($server), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\n", '... left out');
    is(scalar @warnings, 2, '... a warning each');
}

# --- recipient's results ---

{
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '550 no', '250 ok' ]);
    $lmtp->mail('a@x');
    is($lmtp->recipient('b@x', 'c@x', 'd@x'), 0, 'recipient stops at the first refused address');
    is($lmtp->code, 550, '... with its code');
    is(wire($server), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nRCPT TO:<c\@x>\r\n", '... later ones are not sent');
}

{
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '550 no', '250 ok', '550 no' ]);
    $lmtp->mail('a@x');
    is_deeply([ $lmtp->recipient('b@x', 'Carl <c@x>', 'Dora <d@x>', { SkipBad => 1 }) ], [ 'b@x', 'Dora <d@x>' ],
        'with SkipBad it goes on and returns the accepted ones as given');
    is_deeply([ $lmtp->recipient('e@x', { SkipBad => 1 }) ], [], '... an empty list when there is none');
    is($lmtp->recipient('f@x', { SkipBad => 0 }), 0, 'SkipBad => 0 is none');
}

ok(defined Net::LMTP->can('can_ssl'), 'can_ssl');
is(!!Net::LMTP->can_inet6, !!eval { require IO::Socket::IP; 1 }, 'can_inet6');

done_testing;
