# Options of Net::LMTP->new for deliveries: which values are refused, and what the others do.

use strict;
use warnings;

use Errno ();
use Test::More;
use Time::HiRes ();

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

use constant SHORT => 0.3;

my @one  = (From => 'a@x', To => ['b@x'], Data => "Subject: x\n\nx\n");
my @two  = (From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "Subject: x\n\nx\n");

# --- what is refused ---

{
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    my @seconds = (-1, -0.001, 'soon', '', '5s', 'nan', 'inf', "5\0", "5\n", ' 5', [1]);
    my @counts  = (0, -1, 1.5, '1e3', 'many', '', "5\n", 10_000_000_000, [1]);
    my @cases = (
        (map { [ Timeout          => $_, qr/\ANet::LMTP: Timeout must be a number of seconds/ ] } @seconds),
        (map { [ NextReplyTimeout => $_, qr/\ANet::LMTP: NextReplyTimeout must be a number of seconds/ ] } @seconds),
        (map { [ Window           => $_, qr/\ANet::LMTP: Window must be a number, 1 or more/ ] } @counts),
        (map { [ WindowBytes      => $_, qr/\ANet::LMTP: WindowBytes must be a number of bytes, 1 or more/ ] } @counts),
        (map { [ MaxReply         => $_, qr/\ANet::LMTP: MaxReply must be a number of bytes, 1 or more/ ] } @counts),
        (map { [ MaxReplyLine     => $_, qr/\ANet::LMTP: MaxReplyLine must be a number of bytes, 1 or more/ ] } @counts),
        (map { [ EagerBody        => $_, qr/\ANet::LMTP: EagerBody must be a number of bytes, 0 or more/ ] } grep { $_ ne 0 } @counts),
        (map { [ StageTimeout     => { mail => $_ }, qr/\ANet::LMTP: StageTimeout: mail must be a number of seconds/ ] } @seconds),
        (map { [ StageTimeout     => $_, qr/\ANet::LMTP: StageTimeout must be a reference to a hash/ ] } 5, '', [], [ mail => 5 ], sub { }),
        [ StageTimeout => { mail => 5, mial => 5 }, qr/\ANet::LMTP: StageTimeout has no stage 'mial', they are connect tls greeting lhlo auth mail / ],
        [ StageTimeout => { MAIL => 5 }, qr/no stage 'MAIL'/ ],
    );
    for my $case (@cases) {
        my ($name, $value, $why) = @$case;
        my $shown = ref $value eq 'HASH' ? join ',', map { "$_ $value->{$_}" } sort keys %$value : $value;
        $shown =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
        my @got = Net::LMTP->new($server->args, $name => $value);
        my $reason = $@;
        is(scalar @got, 0, "$name => '$shown' is refused");
        like($reason, $why, '... $@ says why');
    }
    is($server->connections, 0, 'nothing was connected for it');

    my @good = (
        Timeout => 0, Timeout => 0.5, Timeout => '1e2', NextReplyTimeout => 0, Window => 1, Window => 999_999_999, WindowBytes => 1,
        EagerBody => 0, EagerBody => 5_000_000, StageTimeout => {}, Blocking => 1, Blocking => 0, JoinedReplies => 0,
        StageTimeout => { map { $_ => 5 } qw(connect tls greeting lhlo mail rcpt data body final rset) },
        StageTimeout => { mail => 0, final => undef }, map { ($_ => undef) }
            qw(Timeout NextReplyTimeout Window WindowBytes EagerBody StageTimeout Blocking MaxReply MaxReplyLine JoinedReplies),
    );
    while (my ($name, $value) = splice @good, 0, 2) {
        my $lmtp = Net::LMTP->new($server->args, Hello => 'me.example', $name => $value);
        ok($lmtp, "$name => " . (defined $value ? $value : 'undef') . ' is fine') or diag($@);
        $lmtp->quit;
    }
    ok(Net::LMTP->new($_ => undef, Host => $server->host, Port => $server->port, Hello => 'me.example'), "$_ may begin the options")
        for qw(Window WindowBytes EagerBody StageTimeout Blocking);
}

# --- how long each stage may take ---

my @taken = (@data, data => undef);

# Where the server stops answering: what it does before. Without PIPELINING one wait follows the other.
my %stops = (
    mail  => [ expect => qr/^MAIL/ ],
    rcpt  => [ @mail, expect => qr/^RCPT/ ],
    data  => [ @mail, @rcpt, expect => 'DATA' ],
    final => [ @mail, @rcpt, @taken ],
    rset  => [ @mail, expect => qr/^RCPT/, reply => '550 no', expect => 'RSET' ],
);

my %default = (mail => 300, rcpt => 300, data => 120, final => 600, rset => 20);

# A link that stands at this stage. The messages submitted: two, where the stage is between them.
sub stopped_at {
    my ($stage, %options) = @_;
    return stopped(\%options, $stops{$stage}, map { [@one] } 1 .. ($stage eq 'rset' ? 2 : 1));
}

# One that stands where the server says no more, whatever time that took.
sub stopped {
    my ($options, $script, @messages) = @_;
    my ($lmtp, $server) = script({ %$options, Blocking => 0 }, @$script, stall => 'here');
    $lmtp->submit(@$_) for @messages;
    my $end = Time::HiRes::time() + 60;
    until ($server->passed('here') or Time::HiRes::time() > $end) {
        $lmtp->advance;
        select undef, undef, undef, 0.005;
    }
    $lmtp->advance;
    return ($lmtp, $server);
}

for my $stage (sort keys %stops) {
    for my $case (
        # name, options, seconds, and a timeout to be set afterwards
        [ 'by default',                    [], $default{$stage} ],
        [ 'with StageTimeout',             [ StageTimeout => { $stage => 77 } ], 77 ],
        [ 'with an explicit Timeout',      [ Timeout => 11 ], 11 ],
        [ 'with one that is longer',       [ Timeout => 9999 ], $default{$stage} ],
        [ 'with no limit by Timeout',      [ Timeout => 0 ], $default{$stage} ],
        [ 'with Timeout and StageTimeout', [ Timeout => 11, StageTimeout => { $stage => 7 } ], 7 ],
        [ 'with both, the other way',      [ Timeout => 11, StageTimeout => { $stage => 70 } ], 11 ],
        [ 'with no limit by StageTimeout', [ StageTimeout => { $stage => 0 } ], undef ],
        [ 'with a limit by Timeout only',  [ Timeout => 11, StageTimeout => { $stage => 0 } ], 11 ],
        [ 'with a timeout set later',      [], 13, 13 ],
        [ 'with the default set later',    [], $default{$stage} < 120 ? $default{$stage} : 120, 120 ],
        [ 'with no limit set later',       [ Timeout => 11 ], $default{$stage}, 0 ],
    ) {
        my ($name, $options, $seconds, $later) = @$case;
        my ($lmtp) = stopped_at($stage, @$options);
        $lmtp->timeout($later) if defined $later;
        my $left = $lmtp->timeout_in;
        if (defined $seconds) {
            ok(defined $left && $left <= $seconds && $left > $seconds - 5, "$stage, $name: $seconds seconds")
                or diag(defined $left ? $left : 'none');
        }
        else {
            is($left, undef, "$stage, $name: no limit");
        }
        $lmtp->close;
    }
}

{
    package Hasty;
    our @ISA = ('Net::LMTP');
    our $Timeout;
    sub timeout { defined $Timeout ? $Timeout : shift->SUPER::timeout(@_) }

    package Deadly;
    our @ISA = ('Net::LMTP');
    our $Dies;
    sub timeout { die "no timeout\n" if $Dies; return shift->SUPER::timeout(@_) }
}

{
    my ($lmtp) = stopped_at('final', class => 'Hasty');
    cmp_ok($lmtp->timeout_in, '>', 500, 'a class whose timeout says the default');
    local $Hasty::Timeout = 9;
    cmp_ok($lmtp->timeout_in, '<=', 9, '... and one that says less');
}

{
    my ($lmtp) = script({ class => 'Deadly' }, expect => qr/^MAIL/, stall => undef);
    my $ok = do { local $Deadly::Dies = 1; eval { $lmtp->deliver(@one); 1 } };
    ok(!$ok, 'a timeout that dies ends deliver');
    is($@, "no timeout\n", '... with what it died of');
    like(join(' ', shown($lmtp->results)), qr/\Ab\@x deferral 421 \w+\z/, '... nobody has the message');
}

# Advances until all is over.
sub run_out {
    my ($lmtp) = @_;
    my $end = Time::HiRes::time() + 60;
    select undef, undef, undef, 0.005 while $lmtp->advance and Time::HiRes::time() < $end;
    return;
}

# What a wait that runs out leaves.
my %stage_of = (rset => 'connect');
for my $stage (sort keys %stops) {
    for my $options ([ StageTimeout => { $stage => SHORT } ], [ Timeout => SHORT ]) {
        my ($lmtp) = stopped_at($stage, $options->[0] eq 'Timeout' ? () : @$options);
        my $name = "$stage, $options->[0]";
        $lmtp->timeout(SHORT) if $options->[0] eq 'Timeout';
        run_out($lmtp);
        is_deeply([ shown($lmtp->collect->results) ], ['b@x failure 550 rcpt'], "$name: the first message") if $stage eq 'rset';
        my @results = $lmtp->collect->results;
        my $maybe = $stage eq 'final' ? ' maybe' : '';
        is_deeply([ shown(@results) ], [ 'b@x deferral 421 ' . ($stage_of{$stage} || $stage) . $maybe ], "$name: deferral");
        like($results[0]->message, qr/Timeout/, '... says Timeout');
        ok(!$lmtp->opened, '... the link is closed');
    }
}

# The body: the server takes no more of it.
{
    my ($lmtp) = script({ StageTimeout => { body => SHORT }, server => { rcvbuf => 4096 } },
        @mail, @rcpt, expect => 'DATA', reply => '354 go', stall => undef);
    is_deeply([ shown($lmtp->deliver(@one[ 0 .. 3 ], Data => 'x' x 20_000_000)) ], ['b@x deferral 421 body'], 'body: deferral');
}

# The fence's LHLO.
{
    my ($lmtp) = stopped({ keywords => ['PIPELINING'], StageTimeout => { lhlo => 77 } },
        [ expect => qr/^MAIL/, expect => qr/^RCPT/, expect => 'DATA', reply => [ '250 ok', '250 ok', '354 go' ], data => undef,
        reply => '250 done', expect => qr/^LHLO/ ], \@one);
    my $left = $lmtp->timeout_in;
    ok($left <= 77 && $left > 60, 'the fence has the time of lhlo') or diag($left);
    $lmtp->timeout(SHORT);
    run_out($lmtp);
    is_deeply([ shown($lmtp->collect->results) ], ['b@x deferral 421 final maybe'], '... and when it has passed nobody can tell');
}

# --- NextReplyTimeout, JoinedReplies ---

{
    my @script = (@mail, (@rcpt) x 2, @taken, reply => '250 first');
    for my $case ([ 'NextReplyTimeout', { NextReplyTimeout => 50 } ], [ 'Timeout', { Timeout => 50 } ],
        [ 'stage final', { NextReplyTimeout => 0, StageTimeout => { final => 50 } } ]) {
        my ($name, $options) = @$case;
        my ($lmtp) = stopped($options, \@script, \@two);
        my $left = $lmtp->timeout_in;
        ok($left <= 50 && $left > 30, "the second final reply has the time of $name") or diag($left);
        $lmtp->timeout(SHORT);
        run_out($lmtp);
        is_deeply([ shown($lmtp->collect->results) ], [ 'b@x success 250 final', 'c@x deferral 421 final maybe' ], '... when it has passed');
    }
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my @script = (hello_script(), @mail, (@rcpt) x 2, @taken);
        while (my ($verb, $argument) = splice @script, 0, 2) { $peer->$verb(ref $argument eq 'ARRAY' ? @$argument : $argument) }
        select undef, undef, undef, 2 * SHORT;
        $peer->reply('250 one', '250 two');
    });
    my $lmtp = connect_to($server, NextReplyTimeout => SHORT);
    is_deeply([ shown($lmtp->deliver(@two)) ], [ 'b@x success 250 final', 'c@x success 250 final' ], '... which the first has not');
}

for my $joined (1, 0) {
    my ($lmtp) = script({ JoinedReplies => $joined, StageTimeout => { final => 5 } }, @mail, (@rcpt) x 2, @taken, reply => "250-one\r\n550 two");
    my @expected = $joined ? ('b@x success 250 final', 'c@x failure 550 final')
        : ('b@x deferral 421 final maybe', 'c@x deferral 421 final maybe');
    is_deeply([ shown($lmtp->deliver(@two)) ], \@expected, "JoinedReplies => $joined");
}

# --- the window ---

my $kilobyte = 'x' x 1024;
for my $case (
    # name, options, how many messages of 1 KB may be unanswered
    [ 'Window => 1',                    [ Window => 1 ],                        1 ],
    [ 'Window => 3',                    [ Window => 3 ],                        3 ],
    [ 'Window by default',              [],                                     100 ],
    [ 'WindowBytes => 1',               [ WindowBytes => 1 ],                   1 ],
    [ 'WindowBytes => 2048',            [ WindowBytes => 2048 ],                2 ],
    [ 'WindowBytes => 2047',            [ WindowBytes => 2047 ],                1 ],
    [ 'WindowBytes => 2049',            [ WindowBytes => 2049 ],                2 ],
    [ 'WindowBytes by default',         [ Window => 5000 ],                     1024 ],
    [ 'the smaller of both',            [ Window => 3, WindowBytes => 2048 ],   2 ],
) {
    my ($name, $options, $count) = @$case;
    my ($lmtp, $server) = script({ @$options, Blocking => 0 }, stall => undef);
    my @ids;
    while (@ids <= $count and defined(my $id = $lmtp->submit(From => 'a@x', To => ['b@x'], Data => $kilobyte))) { push @ids, $id }
    is_deeply(\@ids, [ 1 .. $count ], "$name: $count messages");
    is($lmtp->in_flight, $count, '... in_flight');
    my @got = $lmtp->submit(From => 'a@x', To => ['b@x'], Data => $kilobyte);
    ok(!defined $got[0], '... then submit is undef');
    is($lmtp->in_flight, $count, '... and has taken nothing');
    $lmtp->close;
    is(scalar(grep { !$_->is_success } map { $lmtp->collect } 1 .. $count), $count, '... closed, all can be collected');
    is($lmtp->in_flight, 0, '... in_flight');
    is($lmtp->collect, undef, '... none is left');
}

# Room is made by answers, not by collect.
{
    my ($lmtp) = session({ Window => 1 });
    is($lmtp->submit(@one), $_, "with a window of one message, submit $_ waits for the one before") for 1 .. 4;
    is($lmtp->in_flight, 4, '... none was collected');
    is(scalar(grep { $_->is_success } map { $lmtp->collect } 1 .. 4), 4, '... all have arrived');
}

# --- connecting ---

for my $case (
    # stage, what the server does
    [ greeting => [ stall => undef ] ],
    [ lhlo     => [ reply => '220 hi', expect => qr/^LHLO/, stall => undef ] ],
) {
    my ($stage, $script) = @$case;
    for my $options ([ Timeout => 60, StageTimeout => { $stage => SHORT } ], [ StageTimeout => { $stage => SHORT } ],
        [ Timeout => SHORT, StageTimeout => { $stage => 60 } ], [ Timeout => SHORT, StageTimeout => { $stage => 0 } ]) {
        my $server = ScriptedServer->new(script => $script);
        my $start = Time::HiRes::time();
        my @got = Net::LMTP->new($server->args, Hello => 'me.example', @$options);
        my $reason = $@;
        is(scalar @got, 0, "new runs out at $stage, $options->[0]");
        like($reason, qr/Timeout/, '... and says so');
        cmp_ok(Time::HiRes::time() - $start, '<', 30, '... by the smaller time');
    }
}

{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        select undef, undef, undef, 2 * SHORT;
        $peer->reply('220 hi');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250 me');
    });
    my $lmtp = Net::LMTP->new($server->args, Hello => 'me.example',
        StageTimeout => { connect => SHORT, lhlo => 60, greeting => 60 });
    ok($lmtp, 'each stage of new has its own time') or diag($@);
    is($lmtp && $lmtp->timeout, 120, '... and the rest the default');
}

SKIP: {
    my ($port, $held) = ScriptedServer->full_port or skip 'connections do not wait here', 2;
    my @got = Net::LMTP->new('127.0.0.1', $port, StageTimeout => { connect => SHORT });
    my $reason = $@;
    is(scalar @got, 0, 'new runs out while it connects, by StageTimeout');
    like($reason, words_of(Errno::ETIMEDOUT()), '... and says so');
}

done_testing;
