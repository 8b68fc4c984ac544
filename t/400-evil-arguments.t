# CR, LF and NUL in whatever becomes part of a command: refused before a byte is written.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my @keywords = ('SIZE 1000', qw(DSN 8BITMIME BINARYMIME CHUNKING CHECKPOINT ETRN), 'AUTH PLAIN', 'XVERP');

my %evil = (
    'CRLF and a command' => "a\r\nQUIT",
    'LF and a command'   => "a\nQUIT",
    'CR and a command'   => "a\rQUIT",
    'NUL'                => "a\0b",
    'CRLF twice'         => "a\r\n\r\nb",
);

my @calls = (
    # name, before it, the call
    [ hello           => undef,   sub { $_[0]->hello($_[1]) } ],
    [ mail            => undef,   sub { $_[0]->mail($_[1]) } ],
    [ 'mail <>'       => undef,   sub { $_[0]->mail("<$_[1]>") } ],
    [ 'mail Size'     => undef,   sub { $_[0]->mail('a', Size => $_[1]) } ],
    [ 'mail Size, a number first' => undef, sub { $_[0]->mail('a', Size => "5$_[1]") } ],
    [ 'mail ENVID'    => undef,   sub { $_[0]->mail('a', ENVID => $_[1]) } ],
    [ 'mail AUTH'     => undef,   sub { $_[0]->mail('a', AUTH => $_[1]) } ],
    [ 'mail Transaction' => undef, sub { $_[0]->mail('a', Transaction => $_[1]) } ],
    [ send            => undef,   sub { $_[0]->send($_[1]) } ],
    [ send_or_mail    => undef,   sub { $_[0]->send_or_mail($_[1]) } ],
    [ send_and_mail   => undef,   sub { $_[0]->send_and_mail($_[1]) } ],
    [ recipient       => 'mail',  sub { $_[0]->recipient($_[1]) } ],
    [ to              => 'mail',  sub { $_[0]->to($_[1]) } ],
    [ cc              => 'mail',  sub { $_[0]->cc($_[1]) } ],
    [ bcc             => 'mail',  sub { $_[0]->bcc($_[1]) } ],
    [ 'recipient ORcpt'  => 'mail', sub { $_[0]->recipient('b', { ORcpt => $_[1] }) } ],
    [ 'recipient Notify' => 'mail', sub { $_[0]->recipient('b', { Notify => [$_[1]] }) } ],
    [ verify          => undef,   sub { $_[0]->verify($_[1]) } ],
    [ expand          => undef,   sub { my @list = $_[0]->expand($_[1]) } ],
    [ help            => undef,   sub { $_[0]->help($_[1]) } ],
    [ etrn            => undef,   sub { $_[0]->etrn($_[1]) } ],
    (map { my $method = $_; [ $method => undef, sub { $_[0]->$method($_[1]) } ] }
        qw(_LHLO _MAIL _RCPT _SEND _SOML _SAML _VRFY _EXPN _HELP _ETRN _AUTH)),
    [ '_MAIL, second argument' => undef, sub { $_[0]->_MAIL('FROM:<a>', $_[1]) } ],
    [ 'command'       => undef,   sub { $_[0]->command($_[1])->response == 2 } ],
    [ 'command, second argument' => undef, sub { $_[0]->command('NOOP', $_[1])->response == 2 } ],
);

for my $kind (sort keys %evil) {
    for my $case (@calls) {
        my ($name, $before, $call) = @$case;
        my ($lmtp, $server) = session(keywords => \@keywords);
        $lmtp->mail('from') if defined $before;
        my $sent = wire($server);
        my $result;
        my @warnings = warnings_of { $result = $call->($lmtp, $evil{$kind}) };
        ok(!$result, "$name with $kind is false");
        is($lmtp->code, 501, '... code 501');
        isnt($lmtp->message, '', '... with a message');
        is(wire($server), $sent, '... nothing sent');
        is_deeply(\@warnings, [], '... no warning');
        ok($lmtp->_NOOP, '... and the link is in step');
        is(wire($server), "${sent}NOOP\r\n", '... and clean');
    }
}

# Where one argument of several is bad.
{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    is_deeply([ $lmtp->recipient('b@x', "c\@x\r\nDATA", 'd@x', { SkipBad => 1 }) ], [ 'b@x', 'd@x' ], 'a bad address among good ones');
    is(wire($server), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nRCPT TO:<d\@x>\r\n", '... is not sent');
}

# A refused MAIL opens no message: what was delivered before is not its own.
{
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '503 MAIL first' ], DATA => [ '354 go', '503 MAIL first' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("x\n"), 'a message');
    ok(!$lmtp->mail("c\@x\r\nQUIT"), '... another, whose sender is refused');
    ok(!$lmtp->to('b@x'), '... its recipient');
    ok(!$lmtp->data("y\n"), '... its data');
    is_deeply([ grep { $_->is_success } $lmtp->results ], [], '... nobody has it');
}

# A _BDAT whose line is refused.
{
    my ($lmtp, $server) = session(keywords => \@keywords);
    is($lmtp->_BDAT("1\r\nQUIT"), $lmtp, '_BDAT returns the object all the same');
    is($lmtp->response, 5, '... response is CMD_ERROR');
    is($lmtp->code, 501, '... code 501');
    is(wire($server), '', '... nothing sent');
}

# command returns the object; the refusal is what response says, in its turn.
{
    my ($lmtp, $server) = session(NOOP => [ '251 one', '252 two' ]);
    is($lmtp->command("NOOP\r\nQUIT"), $lmtp, 'a refused command returns the object');
    is($lmtp->response, 5, '... response is CMD_ERROR');
    is($lmtp->code, 501, '... code 501');
    is(wire($server), '', '... nothing sent');

    $lmtp->command('NOOP');
    $lmtp->command("NOOP\0");
    $lmtp->command('NOOP');
    is($lmtp->response, 2, 'refused while a reply is owed: first the one owed');
    is($lmtp->code, 251, '... its code');
    is($lmtp->response, 5, '... then the refusal');
    is($lmtp->code, 501, '... code 501');
    is($lmtp->response, 2, '... then what came after');
    is($lmtp->code, 252, '... its code');
    is(wire($server), "NOOP\r\nNOOP\r\n", '... and only the good ones went out');
}

# One line end at the end of a raw argument is dropped; two are not.
for my $case ([ "NOOP\n", 1 ], [ "NOOP\r\n", 1 ], [ "NOOP\n\n", 0 ], [ "NOOP\r\n\r\n", 0 ], [ "\nNOOP", 0 ]) {
    my ($line, $fits) = @$case;
    (my $label = $line) =~ s/\r/\\r/g;
    $label =~ s/\n/\\n/g;
    my ($lmtp, $server) = session();
    is($lmtp->command($line)->response, $fits ? 2 : 5, "command '$label'");
    is(wire($server), $fits ? "NOOP\r\n" : '', '... on the wire');
}

# A name for LHLO that new gets.
for my $kind (sort keys %evil) {
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    my @got = Net::LMTP->new($server->args, Hello => $evil{$kind});
    my $reason = $@;
    is(scalar @got, 0, "Hello with $kind: new fails");
    like($reason, qr/501/, '... and says why');
    is($server->received, '', '... nothing sent');
}

# A line that is too long.
{
    my ($lmtp, $server) = session();
    ok(!$lmtp->verify('x' x 1_000_000), 'a command of a megabyte');
    is(wire($server), '', '... is not sent');
    ok($lmtp->_NOOP, '... and the link goes on');
}

done_testing;
