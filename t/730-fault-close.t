# The caller closes, leaves, or resets, before and after the final dot: what is surely not delivered, and
# what may have been.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

sub envelope { return $_[0]->mail('a@x') && $_[0]->to('b@x') }

sub brief { return map { sprintf '%s %s %s', $_->status, $_->stage, $_->maybe_delivered ? 'maybe' : 'no' } @_ }

# --- the server closes around the dot, byte by byte ---

# The content and its end as they are on the wire: the server takes N bytes of it and closes. Before the last byte is
# there it cannot have delivered; what we know is whether we sent it.
my $content = "Subject: x\r\n\r\nbody\r\n.\r\n";
for my $taken (0 .. length $content) {
    my ($lmtp, $server) = script(@mail, @rcpt, @rcpt, @data, bytes => $taken, mark => 'taken', finish => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    $lmtp->data;
    $lmtp->datasend("Subject: x\n\nbody\n");
    ok(!$lmtp->dataend, "the server closes behind byte $taken: false");
    is($lmtp->code, 421, '... code 421');
    my @results = brief($lmtp->data_results);
    is(scalar(grep { /^deferral/ } @results), 2, '... two deferrals');
    my $ended = wire($server) =~ /\r\n\.\r\n\z/;
    my @expected = ($ended ? 'maybe' : 'no') x 2;
    is_deeply([ map { (split / /)[-1] } @results ], \@expected, '... maybe_delivered as the dot has left or not');
}

# The same with replies to some recipients before.
for my $replies (0 .. 3) {
    my ($lmtp, $server) = script(@mail, (@rcpt) x 3, @data, data => undef,
        reply => [ ('250 one', '450 two', '250 three')[ 0 .. $replies - 1 ] ], close => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x', 'd@x');
    ok(!$lmtp->data("x\n"), "closed behind $replies final replies: false");
    is_deeply([ brief($lmtp->data_results) ], [
        ('success final no', 'deferral final no', 'success final no')[ 0 .. $replies - 1 ], ('deferral final maybe') x (3 - $replies)
    ], '... results');
    is($lmtp->code, $replies > 1 ? 450 : 421, '... the code of the first that was no success');
}

# --- the caller closes ---

for my $way (
    [ 'close'     => sub { $_[0]->close } ],
    [ 'undef'     => sub { undef $_[0] } ],
) {
    my ($name, $leave) = @$way;
    for my $stage (
        [ 'after new'           => [],                      sub { 1 } ],
        [ 'after MAIL'          => [@mail],                 sub { $_[0]->mail('a@x') } ],
        [ 'after RCPT'          => [ @mail, @rcpt ],        \&envelope ],
        [ 'after DATA'          => [ @mail, @rcpt, @data ], sub { envelope($_[0]) && $_[0]->data } ],
        [ 'with data held back' => [ @mail, @rcpt, @data ], sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") } ],
        [ 'with data sent'      => [ @mail, @rcpt, @data ],
            sub { envelope($_[0]) && $_[0]->data && $_[0]->datasend("x\n") && $_[0]->flush } ],
    ) {
        my ($when, $script, $before) = @$stage;
        my ($lmtp, $server) = script(@$script);
        ok($before->($lmtp), "$name $when: so far");
        $leave->($lmtp);
        ok($server->await('eof'), '... the server sees the end');
        unlike(wire($server), qr/^(?:\.|QUIT|RSET)\r$/m, '... with no dot, no QUIT, no RSET');
        next if !$lmtp;
        ok(!$lmtp->opened, '... closed');
        is($lmtp->dataend, 0, '... dataend is 0');
        ok(!$lmtp->datasend("x\n"), '... datasend is false');
        ok(!$lmtp->_NOOP, '... commands fail');
        is($lmtp->code, 421, '... code 421');
        ok(!(grep { $_->is_success || $_->maybe_delivered } $lmtp->results), '... surely not delivered');
    }
}

{
    my ($lmtp, $server) = session(final => [ '250 one', '450 two' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    $lmtp->data("x\n");
    $lmtp->close;
    is_deeply([ brief($lmtp->data_results) ], [ 'success final no', 'deferral final no' ], 'close after the results: they stay');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data("x\n");
    $lmtp->quit;
    is_deeply([ brief($lmtp->data_results) ], ['success final no'], 'quit after the results: they stay');
    ok(!$lmtp->mail('next@x'), '... and nothing goes on');
    is($lmtp->code, 421, '... code 421');
}

# --- a new connection after a loss ---

{
    my ($lmtp, $server) = script(@mail, @rcpt, @data, close => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data("x\n");
    my ($again) = session();
    ok($again->mail('a@x') && $again->to('b@x') && $again->data("x\n"), 'another object is not concerned');
    ok(!$lmtp->_NOOP, '... and the lost one stays lost');
}

done_testing;
