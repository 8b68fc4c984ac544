# A handler that dies inside each call that waits: the call unwinds, and what is left makes sense.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;
use ScriptedServer;

my @keywords = qw(8BITMIME BINARYMIME CHUNKING ETRN);

# True when a handler's die has come out of the code. The handler dies only once the server stalls where the code must wait
# for it, however slow the machine is.
sub unwound {
    my ($server, $code) = @_;
    my ($ran, $error) = interrupt(sub { $server->passed('here') }, sub { die "alarmed\n" }, $code);
    return $ran && $error eq "alarmed\n";
}

# --- new ---

for my $case ([ 'greeting', [ stall => 'here' ] ], [ 'LHLO', [ reply => '220 hi', expect => qr/^LHLO/, stall => 'here' ] ]) {
    my ($name, $script) = @$case;
    my $server = ScriptedServer->new(script => $script);
    ok(unwound($server, sub { Net::LMTP->new($server->args, Hello => 'me') }), "new, at $name, unwinds");
    $server->release;
    ok($server->await('eof'), '... and lets the link go');
}

# --- outside of a transaction: the link stays, the late reply is the next one ---

for my $case (
    [ _NOOP    => sub { $_[0]->_NOOP } ],
    [ verify   => sub { $_[0]->verify('x') } ],
    [ expand   => sub { my @list = $_[0]->expand('x') } ],
    [ help     => sub { $_[0]->help } ],
    [ etrn     => sub { $_[0]->etrn('x') } ],
    [ reset    => sub { $_[0]->reset } ],
    [ response => sub { $_[0]->command('NOOP'); $_[0]->response } ],
    [ getline  => sub { $_[0]->command('NOOP'); $_[0]->getline } ],
    [ read_until_dot => sub { $_[0]->command('HELP'); $_[0]->read_until_dot } ],
    [ 'read from tied_fh' => sub { $_[0]->command('HELP'); my $fh = $_[0]->tied_fh; my $line = <$fh> } ],
) {
    my ($name, $call) = @$case;
    my ($lmtp, $server) = script({ keywords => \@keywords },
        expect => undef, stall => 'here', reply => '252 late', expect => 'NOOP', reply => '253 next');
    ok(unwound($server, sub { $call->($lmtp) }), "$name unwinds");
    ok($lmtp->opened, '... the link stays open');
    $server->release;
    is($lmtp->response, 2, '... response reads the late reply');
    is($lmtp->code, 252, '... its code');
    ok($lmtp->_NOOP, '... and the session goes on');
}

# --- inside one: closed ---

sub envelope { $_[0]->mail('a@x', Bits => $_[1] || 8) && $_[0]->to('b@x', 'c@x') }

for my $case (
    # call, script, before, call, results
    [ mail      => [ expect => qr/^MAIL/ ], sub { 1 }, sub { $_[0]->mail('a@x') }, [] ],
    [ send      => [ expect => qr/^SEND/ ], sub { 1 }, sub { $_[0]->send('a@x') }, [] ],
    [ recipient => [ @mail, @rcpt, expect => qr/^RCPT/ ], sub { $_[0]->mail('a@x') }, sub { $_[0]->to('b@x', 'c@x') },
        [ 'deferral no', 'deferral no' ] ],
    [ data      => [ @mail, @rcpt, @rcpt, expect => 'DATA' ], \&envelope, sub { $_[0]->data }, [ 'deferral no', 'deferral no' ] ],
    [ datafh    => [ @mail, @rcpt, @rcpt, expect => 'DATA' ], \&envelope, sub { $_[0]->datafh }, [ 'deferral no', 'deferral no' ] ],
    [ 'data(LIST)' => [ @mail, @rcpt, @rcpt, @data, data => undef ], \&envelope, sub { $_[0]->data("x\n") },
        [ 'deferral maybe', 'deferral maybe' ] ],
    [ dataend   => [ @mail, @rcpt, @rcpt, @data, data => undef ], sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") },
        sub { $_[0]->dataend }, [ 'deferral maybe', 'deferral maybe' ] ],
    [ 'dataend, second reply' => [ @mail, @rcpt, @rcpt, @data, data => undef, reply => '250 b' ],
        sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") },
        sub { $_[0]->dataend }, [ 'success no', 'deferral maybe' ] ],
    [ 'close of datafh' => [ @mail, @rcpt, @rcpt, @data, data => undef ], \&envelope,
        sub { my $fh = $_[0]->datafh; print {$fh} "x\n"; close $fh }, [ 'deferral maybe', 'deferral maybe' ] ],
    [ 'a command that ends the data' => [ @mail, @rcpt, @rcpt, @data, data => undef ],
        sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") },
        sub { $_[0]->_NOOP }, [ 'deferral maybe', 'deferral maybe' ] ],
    [ bdat      => [ @mail, @rcpt, @rcpt, expect => 'BDAT 1', bytes => 1 ], sub { envelope($_[0], 'binary') }, sub { $_[0]->bdat('x') },
        [ 'deferral no', 'deferral no' ] ],
    [ bdatlast  => [ @mail, @rcpt, @rcpt, expect => 'BDAT 1 LAST', bytes => 1 ], sub { envelope($_[0], 'binary') },
        sub { $_[0]->bdatlast('x') }, [ 'deferral maybe', 'deferral maybe' ] ],
) {
    my ($name, $script, $before, $call, $results) = @$case;
    my ($lmtp, $server) = script({ keywords => \@keywords }, @$script, stall => 'here', reply => '250 late');
    ok($before->($lmtp), "$name: so far");
    ok(unwound($server, sub { $call->($lmtp) }), "$name unwinds");
    ok(!$lmtp->opened, '... closed');
    is_deeply([ map { $_->status . ($_->maybe_delivered ? ' maybe' : ' no') } $lmtp->results ], $results, '... results');
    $server->release;
    ok(!$lmtp->_NOOP, '... a late reply is credited to nobody');
    is($lmtp->code, 421, '... code 421');
    ok(!$lmtp->dataend, '... dataend is false');
}

# --- writing that blocks: the server reads nothing ---

# As above; the handler dies once the link is found full: the code waits to write.
sub unwound_writing {
    my ($lmtp, $code) = @_;
    my $full = sub { vec(my $writable = '', fileno $lmtp, 1) = 1; return !select undef, $writable, undef, 0 };
    my ($ran, $error) = interrupt($full, sub { die "alarmed\n" }, $code);
    return $ran && $error eq "alarmed\n";
}

my $large = 'x' x 40_000_000;

for my $case (
    [ 'datasend'           => sub { $_[0]->datasend($large); $_[0]->flush } ],
    [ 'many datasends'     => sub { $_[0]->datasend('x' x 100_000) for 1 .. 400; $_[0]->flush } ],
    [ 'rawdatasend'        => sub { $_[0]->rawdatasend($large); $_[0]->flush } ],
    [ 'dataend'            => sub { $_[0]->datasend($large); $_[0]->dataend } ],
    [ 'print to a tied_fh' => sub { my $fh = $_[0]->tied_fh; print {$fh} $large; close $fh } ],
) {
    my ($name, $call) = @$case;
    my ($lmtp, $server) = script({ server => { rcvbuf => 4096 } }, @mail, @rcpt, @data, stall => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data, "$name that blocks: data");
    ok(unwound_writing($lmtp, sub { $call->($lmtp) }), '... unwinds');
    ok(!$lmtp->opened, '... closed');
    ok(!$lmtp->dataend, '... dataend is false');
    is_deeply([ map { $_->status . ($_->maybe_delivered ? ' maybe' : ' no') } $lmtp->data_results ], ['deferral no'],
        '... surely not delivered');
}

{
    my ($lmtp, $server) = script({ keywords => \@keywords, server => { rcvbuf => 4096 } }, @mail, @rcpt, stall => undef);
    $lmtp->mail('a@x', Bits => 'binary');
    $lmtp->to('b@x');
    ok(unwound_writing($lmtp, sub { $lmtp->bdatlast($large) }), 'bdatlast that blocks unwinds');
    ok(!$lmtp->opened, '... closed');
    is_deeply([ map { $_->status . ($_->maybe_delivered ? ' maybe' : ' no') } $lmtp->data_results ], ['deferral no'], '... surely not delivered');
}

# --- quit ---

{
    my ($lmtp, $server) = script(expect => 'QUIT', stall => 'here');
    ok(unwound($server, sub { $lmtp->quit }), 'quit unwinds');
    undef $lmtp;
    $server->release;
    ok($server->await('eof'), '... and the object can go');
}

# --- a handler that dies with an object, and $@ of the caller ---

{
    my ($lmtp, $server) = script(expect => 'NOOP', stall => 'here');
    my $error = { reason => 'enough' };
    my ($ran, $came) = interrupt(sub { $server->passed('here') }, sub { die $error }, sub { $lmtp->_NOOP });
    ok($ran, 'a handler that dies with a reference');
    is($came, $error, '... it arrives as it is');
}

# --- inside hooks ---

{
    package Mortal;
    our @ISA = ('Net::LMTP');
    our $Dies = '';
    for my $method (qw(getline response command datasend dataend parse_response debug_print _addr)) {
        my $super = Net::LMTP->can($method);
        no strict 'refs';
        *$method = sub { die "in $method\n" if $Dies eq $method; goto &$super };
    }
}

for my $method (qw(getline response command datasend dataend parse_response _addr)) {
    my ($lmtp, $server) = session({ class => 'Mortal' });
    local $Mortal::Dies = $method;
    ok(!eval { $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("x\n"); 1 }, "$method dies");
    is($@, "in $method\n", '... and the caller sees it');
    $Mortal::Dies = '';
    ok(eval { $lmtp->quit; 1 }, '... quit is possible');
    ok(!$lmtp->opened, '... closed');
}

# ---- the status of the reply before is not that of the wait that was left

for my $case (
    [ 'MAIL',    [ expect => qr/^MAIL/ ], sub { $_[0]->mail('a@x') } ],
    [ 'dataend', [ expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA', reply => '354 go', data => undef ],
        sub { $_[0]->mail('a@x') && $_[0]->to('b@x') && $_[0]->data && $_[0]->datasend("x\n") && $_[0]->dataend } ],
) {
    my ($name, $script, $code) = @$case;
    my ($lmtp, $server) = script(@$script, stall => 'here');
    ok(unwound($server, sub { $code->($lmtp) }), "$name is left by a die");
    ok(!$lmtp->ok, '... ok is false');
    is($lmtp->code, 421, '... code');
}

done_testing;
