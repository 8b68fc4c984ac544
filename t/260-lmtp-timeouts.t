# Waits that run out: when the link stays, when it is closed, what is known afterwards.

use strict;
use warnings;

use Errno ();
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

# For replies that do not come: no server has to be as quick.
use constant SHORT => 0.1;

{
    package Named;
    our @ISA = ('Net::LMTP');
}

sub ran_out {
    my ($lmtp, $name) = @_;
    is($lmtp->code, 421, "$name: code 421");
    is($lmtp->message, '[' . ref($lmtp) . '] Timeout', "$name: message");
    is($lmtp->status, 4, "$name: status");
    ok(!$lmtp->ok, "$name: not ok");
}

# --- outside of a transaction the link stays, and the late reply is the next one ---

for my $class (qw(Net::LMTP Named)) {
    my ($lmtp, $server) = script({ class => $class }, expect => 'NOOP', stall => undef, reply => '253 late',
        expect => 'VRFY x', reply => '252 next');
    $lmtp->timeout(SHORT);
    ok(!$lmtp->_NOOP, "$class: a NOOP that runs out");
    ran_out($lmtp, $class);
    ok($lmtp->opened, "$class: the link stays open");
    $lmtp->timeout(60);
    $server->release;
    is($lmtp->response, 2, "$class: the late reply is what response reads");
    is($lmtp->code, 253, '... its code');
    ok($lmtp->verify('x'), '... and the session goes on');
    is($lmtp->code, 252, '... in step');
}

{
    my ($lmtp, $server) = script(expect => 'NOOP', stall => undef, reply => '253 late');
    $lmtp->timeout(SHORT);
    $lmtp->command('NOOP');
    is($lmtp->getline, undef, 'getline that runs out is undef');
    ran_out($lmtp, 'getline');
    $lmtp->timeout(60);
    $server->release;
    is($lmtp->getline, "253 late\n", '... and reads the late line later');
}

{
    my ($lmtp, $server) = script(expect => 'NOOP', send => "250-half\r\n25", stall => undef, send => "0 whole\r\n");
    $lmtp->timeout(SHORT);
    ok(!$lmtp->_NOOP, 'half a reply');
    ran_out($lmtp, 'half a reply');
}

# --- inside one (MAIL to the final replies) it is closed ---

for my $case (
    # where, script, setting up, the call that runs out, results
    [ 'MAIL', [ expect => qr/^MAIL/ ], sub { 1 }, sub { $_[0]->mail('a@x') }, [] ],
    [ 'RCPT', [ @mail, expect => qr/^RCPT/ ], sub { $_[0]->mail('a@x') }, sub { $_[0]->to('b@x') }, ['b@x deferral 421 rcpt'] ],
    [ 'NOOP inside', [ @mail, @rcpt, expect => 'NOOP' ], sub { $_[0]->mail('a@x') && $_[0]->to('b@x') }, sub { $_[0]->_NOOP }, undef ],
    [ 'DATA', [ @mail, @rcpt, expect => 'DATA' ], sub { $_[0]->mail('a@x') && $_[0]->to('b@x') }, sub { $_[0]->data },
        ['b@x deferral 421 data'] ],
    [ 'RSET inside', [ @mail, @rcpt, expect => 'RSET' ], sub { $_[0]->mail('a@x') && $_[0]->to('b@x') }, sub { $_[0]->reset }, undef ],
    [ 'the dot', [ @mail, @rcpt, @data, data => undef ], sub { $_[0]->mail('a@x') && $_[0]->to('b@x') && $_[0]->data },
        sub { $_[0]->dataend }, ['b@x deferral 421 final maybe'] ],
    [ 'a final reply cut short', [ @mail, @rcpt, @data, data => undef, send => "250-a\r\n250 b" ],
        sub { $_[0]->mail('a@x') && $_[0]->to('b@x') && $_[0]->data }, sub { $_[0]->dataend }, ['b@x deferral 421 final maybe'] ],
    [ 'BDAT', [ @mail, @rcpt, expect => 'BDAT 1', bytes => 1 ], sub { $_[0]->mail('a@x', Bits => 'binary') && $_[0]->to('b@x') },
        sub { $_[0]->bdat('x') }, ['b@x deferral 421 body'] ],
    [ 'BDAT LAST', [ @mail, @rcpt, expect => 'BDAT 1 LAST', bytes => 1 ],
        sub { $_[0]->mail('a@x', Bits => 'binary') && $_[0]->to('b@x') },
        sub { $_[0]->bdatlast('x') }, ['b@x deferral 421 final maybe'] ],
) {
    my ($name, $script, $before, $call, $results) = @$case;
    my ($lmtp, $server) = script({ keywords => [qw(CHUNKING BINARYMIME 8BITMIME)] }, @$script, stall => undef, reply => '250 late');
    ok($before->($lmtp), "$name: so far");
    $lmtp->timeout(SHORT);
    ok(!$call->($lmtp), "$name: runs out");
    ran_out($lmtp, $name);
    ok(!$lmtp->opened, "$name: the link is closed");
    is_deeply([ shown($lmtp->results) ], $results, "$name: results") if $results;
    $lmtp->timeout(60);
    $server->release;
    ok(!$lmtp->_NOOP, "$name: a late reply is credited to nobody");
    is($lmtp->code, 421, "$name: code 421 afterwards");
}

# --- NextReplyTimeout ---

{
    my @script = (@mail, @rcpt, @rcpt, @data, data => undef, reply => '250 one', stall => undef);
    my ($lmtp, $server) = script({ NextReplyTimeout => SHORT }, @script);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    ok(!$lmtp->data("x\n"), 'one reply where two are due: the second has NextReplyTimeout');
    is($lmtp->code, 421, '... code 421');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x deferral 421 final maybe' ],
        '... the first is final, the second may have been delivered');
    ok(!$lmtp->opened, '... closed');
    is($lmtp->timeout, 120, '... whatever Timeout is');
}

{
    my ($lmtp, $server) = script({ NextReplyTimeout => SHORT }, @mail, @rcpt, @data, data => undef, stall => undef, reply => '250 one');
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data;
    $lmtp->datasend("x\n");
    $lmtp->flush;
    # Past NextReplyTimeout, which the first reply does not have.
    select undef, undef, undef, 2 * SHORT;
    $server->release;
    ok($lmtp->dataend, 'the first final reply has Timeout');
}

# --- no limit; hooks ---

{
    package Timeless;
    our @ISA = ('Net::LMTP');
    sub timeout { return }

    package Hasty;
    our @ISA = ('Net::LMTP');
    our $Timeout;
    sub timeout { defined $Timeout ? $Timeout : shift->SUPER::timeout(@_) }
}

{
    my ($lmtp) = session({ class => 'Timeless' });
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("x\n"), 'timeout that returns nothing: no limit');
    ($lmtp) = session({ Timeout => 0 });
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("x\n"), 'Timeout => 0: no limit');
}

{
    my ($lmtp, $server) = script({ class => 'Hasty' }, expect => 'NOOP', stall => undef);
    local $Hasty::Timeout = SHORT;
    ok(!$lmtp->_NOOP, 'timeout is asked of the object');
    ran_out($lmtp, 'timeout overridden');
}

# --- the constructor ---

for my $case ([ 'the greeting', [ stall => undef ] ], [ 'LHLO', [ reply => '220 hi', expect => qr/^LHLO/, stall => undef ] ]) {
    my ($name, $script) = @$case;
    my $server = ScriptedServer->new(script => $script);
    my @got = Net::LMTP->new($server->args, Timeout => SHORT);
    my $reason = $@;
    is(scalar @got, 0, "new runs out at $name");
    like($reason, qr/time/i, '... and says so');
}

SKIP: {
    my ($port, $held) = ScriptedServer->full_port or skip 'connections do not wait here', 4;
    my @got = Net::LMTP->new('127.0.0.1', $port, Timeout => SHORT);
    my ($reason, $errno) = ($@, 0 + $!);
    is(scalar @got, 0, 'new runs out while it connects');
    like($reason, words_of(Errno::ETIMEDOUT()), '... and says so');
    is($errno, Errno::ETIMEDOUT(), '... ETIMEDOUT in $!');
    undef @got;
    @got = Net::LMTP->new([ '127.0.0.1', '127.0.0.1' ], $port, Timeout => SHORT);
    is(scalar @got, 0, '... each host in a list');
}

done_testing;
