# A server that lies once: at every reply of a session, in every way. Whatever it does, no recipient has a success that was not said to it.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightTest;

# What is told is not always what happened: see FlightServer. Ways that end in a wait have a short one. With unseen, the wire cannot show whose reply is
# missing, or that one is too early.
my @at_rcpt_and_final = (
    [ 'says nothing'            => { instead => [] }, waits => 1 ],
    [ 'says 250 too much'       => { after  => ['250 2.0.0 over'] } ],
    [ 'says 550 too much'       => { after  => ['550 5.0.0 over'] } ],
    [ 'says 250 before it'      => { before => ['250 2.0.0 over'] } ],
    [ 'says 550 before it'      => { before => ['550 5.0.0 over'] } ],
    [ 'says two for one'        => { instead => [ '250 2.0.0 one', '550 5.0.0 two' ], gives => 250 } ],
    [ 'mixes codes'             => { instead => [ '250-one', '550 two' ] } ],
    [ 'mixes them the other way' => { instead => [ '550-one', '250 two' ] } ],
    [ 'says a line before it'   => { before => ['hello there'] } ],
    [ 'says no code'            => { instead => ['2x0 there'] } ],
    [ 'says 150'                => { instead => ['150 wait'] } ],
    [ 'says 354'                => { instead => ['354 wait'] } ],
    [ 'says 334'                => { instead => ['334 wait'] } ],
    [ 'says 421 and closes'     => { instead => ['421 bye'], gives => 421, then => 'close' } ],
    [ 'says 421 and FIN'        => { instead => ['421 bye'], gives => 421, then => 'finish' } ],
    [ 'says 421 and goes on'    => { instead => ['421 bye'], gives => 421 }, waits => 1 ],
    [ 'says 421 before it'      => { before => ['421 bye'] }, waits => 1, unseen => 1 ],
    [ 'ends inside a reply'     => { instead => ['250-saved'], then => 'finish' } ],
    [ 'falls silent'            => { instead => [], then => 'hang' }, waits => 1 ],
    [ 'closes behind it'        => { then => 'close' } ],
    [ 'resets behind it'        => { then => 'reset' } ],
    [ 'says FIN behind it'      => { then => 'finish' } ],
);
my @at_others = (
    [ 'says nothing'            => { instead => [] }, waits => 1 ],
    [ 'says 250 too much'       => { after  => ['250 2.0.0 over'] } ],
    [ 'says 354 too much'       => { after  => ['354 over'] } ],
    [ 'says 550 too much'       => { after  => ['550 5.0.0 over'] } ],
    [ 'says 250 before it'      => { before => ['250 2.0.0 over'] } ],
    [ 'says 550 before it'      => { before => ['550 5.0.0 over'] } ],
    [ 'mixes codes'             => { instead => [ '250-one', '550 two' ] } ],
    [ 'says a line before it'   => { before => ['hello there'] } ],
    [ 'says 354'                => { instead => ['354 wait'] }, waits => 1 ],
    [ 'says 250'                => { instead => ['250 wait'] }, waits => 1 ],
    [ 'says 550'                => { instead => ['550 wait'] }, waits => 1 ],
    [ 'says 421 and closes'     => { instead => ['421 bye'], then => 'close' } ],
    [ 'says 421 and goes on'    => { instead => ['421 bye'] }, waits => 1 ],
    [ 'falls silent'            => { instead => [], then => 'hang' }, waits => 1 ],
    [ 'closes behind it'        => { then => 'close' } ],
    [ 'resets behind it'        => { then => 'reset' } ],
);

my %keywords = keywords_of();

sub messages {
    return (
        message('m1', 'a@x'), message('m2', 'a@x', 'b@x'), message('m3', 'no@x', 'b@x', 'c@x'), message('m4', 'no@x', 'later@x'),
        message('m5', 'bad@x'), message('m6', 'a@x', 'full@x', 'c@x'), message('m7', 'a@x'),
    );
}

# Every point where it can lie about these messages, with the ways to do so.
sub lies {
    my @lies;
    for my $message (@_) {
        my $name = $message->{name};
        for my $place (0 .. $#{ $message->{to} }) {
            push @lies, map { [ "rcpt $name $place", @$_ ] } @at_rcpt_and_final;
            push @lies, map { [ "final $name $place", @$_ ] } @at_rcpt_and_final
                if $message->{to}[$place] !~ /\A(?:no|later)/;
        }
        push @lies, map { [ "mail $name", @$_ ] } @at_others;
        push @lies, map { [ "data $name", @$_ ] } @at_others if $name ne 'm4';
    }
    for my $point ('lhlo 2', 'lhlo 3', 'rset 1') {
        push @lies, map { [ $point, @$_ ] } @at_others;
    }
    return @lies;
}

# What the wire can't show, on a link that has seen such messages answered in step (or has no fences): of several final replies one is missing, and no
# anchor is behind them. It is taken to be the last one.
sub is_unseen {
    my ($point, $way, $kind, $how) = @_;
    return 0 if $way ne 'says nothing' or $point !~ /\Afinal/;
    return 1 if $kind !~ /pipelining|streams/;
    return $point =~ /m6/ && ($how eq 'deliver' || $kind eq 'streams') ? 1 : 0;
}

# What is wrong, a text or nothing.
sub told {
    my ($server, $job) = @_;
    my ($lie, $kind, $how, $unseen, @messages) = @$job;
    my ($point, $way, $what, %trait) = @$lie;
    my ($results, $truth, @problems) = flight($server,
        server   => { keywords => $keywords{$kind}, lies => { $point => $what } },
        client   => { Timeout => $trait{waits} ? 0.1 : 20 },
        messages => \@messages,
        how      => $how,
        unseen   => $trait{unseen} || $unseen,
        waits    => $trait{waits},
    );
    return @problems ? join "\n  ", "$point, $way ($kind, $how):", @problems : ();
}

sub told_all {
    my ($name, @jobs) = @_;
    my @wrong = side_by_side(\&told, @jobs);
    is scalar @wrong, 0, @jobs . " $name" or diag join "\n", @wrong;
    return;
}

# Each lie is told on one kind of link in turn; on all of them if asked for. Those that cost a wait more rarely.
my @kinds = map { my $key = $_; map { [ $key, $_ ] } qw(deliver submit mixed) } sort keys %keywords;
my $nth = 0;
my @jobs;
for my $lie (lies(messages())) {
    my ($point, $way, $what, %trait) = @$lie;
    $nth++;
    for my $n (0 .. $#kinds) {
        next if !$ENV{MW_THOROUGH} and ($nth * 5 + $n) % @kinds || $trait{waits} && $nth % 3;
        push @jobs, [ $lie, @{ $kinds[$n] }, is_unseen($point, $way, @{ $kinds[$n] }), messages() ];
    }
}
told_all('sessions with a lie in them', @jobs);

my $server = FlightServer->new;

# One reply too many or too few in the envelope: what is taken for a refusal was another's, of another recipient or of another command.
for my $case (
    [ 'a refused RCPT answered twice', ['PIPELINING'], { 'rcpt m1 0' => { after => ['550 over'] } }, [qw(no@x a@x b@x)] ],
    [ 'MAIL not answered',             ['PIPELINING'], { 'mail m1' => { instead => [] } }, [qw(a@x no@x b@x)] ],
    [ 'MAIL answered twice',           ['PIPELINING'], { 'mail m1' => { after => ['250 over'] } }, [qw(a@x b@x no@x)] ],
    [ 'a refusal before MAIL, by BDAT', [qw(PIPELINING CHUNKING)], { 'mail m1' => { before => ['550 over'] } }, ['a@x'] ],
) {
    my ($name, $keywords, $lies, $to) = @$case;
    for my $split (0, 1) {
        my ($results) = fly($server, $name . ($split ? ', byte by byte' : ''),
            server   => { keywords => $keywords, lies => $lies, split => $split },
            messages => [ message('m1', @$to) ],
        );
        is scalar(grep { $_->code == 421 } @{ $results->{m1} }), scalar @$to, '... is nobody\'s refusal';
    }
}

# A second LHLO that is answered in a way of its own is served without fences.
for my $reply ('250 2.0.0 Ok', '450 not now', '502 not again') {
    fly($server, "a second LHLO is answered $reply",
        server   => { keywords => ['PIPELINING'], lies => { 'lhlo 2' => { instead => [$reply] } } },
        messages => [ message('m1', 'a@x'), message('m2', 'a@x', 'no@x'), message('m3', 'a@x') ],
        how      => $_,
        short    => { quiet => 0.05 },
        exact    => 1,
    ) for qw(deliver submit);
}

# The first message on a link, where nothing is taken on trust.
for my $to ([ 'a@x' ], [ 'a@x', 'b@x' ], [ 'a@x', 'no@x' ], [ 'no@x', 'a@x' ], [ 'a@x', 'no@x', 'full@x', 'later@x' ]) {
    @jobs = ();
    for my $lie (lies(message('m1', @$to))) {
        my ($point, $way, $what, %trait) = @$lie;
        $nth++;
        for my $kind (sort keys %keywords) {
            next if !$ENV{MW_THOROUGH} and $trait{waits} && $nth % 4;
            my $unseen = $kind !~ /pipelining|streams/ && $way eq 'says nothing' && $point =~ /\Afinal/;
            push @jobs, [ $lie, $kind, 'deliver', $unseen ? 1 : 0, message('m1', @$to) ];
        }
    }
    told_all("links that begin with a lie to @$to", @jobs);
}
done_testing;
