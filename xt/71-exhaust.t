# t/c/test_exhaust.c in full; and that it sees what it is for: it is built with faults planted in the core, each of which it must find.

use strict;
use warnings;

use Config;
use File::Temp qw(tempdir);
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my @cc     = split ' ', $Config{cc};
my @core   = glob 'c/*.c';

# What is planted: a name, the file, what stands there, and what does in its place.
my @planted = (
    [
        'a fence that any reply passes', 'flight_fence.c',
        'return r->code / 100 == 2 && same_keywords(r, &s->hello) && mw_flight_shows_name(s, r);',
        'return r->code / 100 == 2;',
    ],
    [
        'nothing is fenced', 'flight.c',
        'if (!proven(s, before) || s->flight.must_fence || before->refused_early)',
        'if (0)',
    ],
    [
        'no RSET in front of a fence', 'flight.c',
        'ahead->delivery->by_bdat) || s->flight.open)',
        'ahead->delivery->by_bdat) && 0)',
    ],
    [
        'an early refusal is believed', 'flight_reply.c',
        'd->refused_early |= (!mw_flight_has_left(s, d) || s->flight.early) && mw_flight_may_follow(s);',
        q{},
    ],
    [
        'a surplus reply behind the last', 'flight_reply.c',
        'd->unsure |= mw_lmtp_is_over(s, 1, &code);',
        q{},
    ],
    [
        "LHLO's reply for a final one", 'flight_reply.c',
        'if (r->mixed || (s->flight.fence_owed && mw_flight_is_hello(s, r))) {',
        'if (r->mixed) {',
    ],
    [
        'DATA refused in a group is believed', 'flight_reply.c',
        'd->unsure |= d->grouped && mw_transaction_owed(&d->to) && mw_flight_may_follow(s);',
        q{},
    ],
    [
        'a probe that always passes', 'flight_chunk.c',
        's->flight.probe = passed ? MW_PROBE_DONE : MW_PROBE_FAILED;',
        's->flight.probe = MW_PROBE_DONE;',
    ],
    [
        'BDAT LAST at once to several', 'flight_chunk.c',
        'd->split = d->grouped && d->asked > 1 && mw_flight_may_follow(s);',
        'd->split = 0;',
    ],
    [
        'the probe does not wait for RSET', 'flight_chunk.c',
        "if (s->flight.open)\n        return mw_flight_queue_reset(s);",
        "if (s->flight.open && mw_flight_queue_reset(s))\n        return -1;",
    ],
    [
        'out of step, and believed', 'flight_end.c',
        'if (d->unsure || ((d->followed || d->fenced) && !stands(s, d, why)))',
        'if (d->unsure)',
    ],
    [
        'recipients are forgotten at MAIL', 'lmtp.c',
        "case MW_VERB_MAIL:\n        return queue_boundary(s, line, MW_DUE_MAIL);",
        "case MW_VERB_MAIL:\n        mw_lmtp_begin(s, s->now.count);\n        return queue_boundary(s, line, MW_DUE_MAIL);",
    ],
    [
        'one final reply for all', 'lmtp_content.c',
        'mw_expects_push(&s->due, MW_DUE_FINAL, owed ? owed : 1);',
        'mw_expects_push(&s->due, MW_DUE_FINAL, 1);',
    ],
    [
        'a surplus reply to the sync calls', 'lmtp_final.c',
        'if (is_over(s)) {',
        'if (0) {',
    ],
    [
        'surely not delivered, when it may be', 'flight_end.c',
        'MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);',
        'MW_LMTP_LOST, words, 0);',
    ],
    [
        'a refused MAIL is no boundary', 'lmtp_reply.c',
        's->lapsed |= refused || is_no_answer(r);',
        q{},
    ],
);

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

sub build {
    my ($program, @sources) = @_;
    return system(@cc, '-std=c99', '-D_GNU_SOURCE', '-w', '-O1', '-Ic', '-It/c', '-o', $program, 't/c/test_exhaust.c', @sources) == 0;
}

# The output's last lines, and whether it passed.
sub run {
    my ($program) = @_;
    my $output = qx{$program};
    return ($? == 0, $output);
}

# The sources, one of them changed. They include each other by name, so the changed one is put beside copies of all headers.
sub plant {
    my ($name, $file, $from, $to) = @_;
    my $text = slurp("c/$file");
    my $at   = index $text, $from;
    return if $at < 0;
    substr $text, $at, length $from, $to;
    open my $fh, '>', "$folder/$file" or die "$folder/$file: $!";
    print {$fh} $text;
    close $fh or die $!;
    return map { $_ eq "c/$file" ? "$folder/$file" : $_ } @core;
}

for my $case (@planted) {
    my ($name, $file) = @$case;
    my @sources = plant(@$case);
    ok(@sources, "$name: $file has the place") or next;
    ok(build("$folder/planted", @sources), '... is built') or next;
    my ($passed, $output) = run("$folder/planted");
    ok(!$passed && $output =~ /^not ok/m, '... is found') or diag $output;
    unlink "$folder/$file";
}

build("$folder/exhaust", @core) or BAIL_OUT('it is not built');
$ENV{MW_EXHAUST} = 'full';
my ($passed, $output) = run("$folder/exhaust");
ok($passed, 'every server') or diag $output;
my ($sessions) = $output =~ /^# (\d+) sessions/m;
note "$sessions sessions";
cmp_ok($sessions || 0, '>', 10_000_000, 'as many as there are');
done_testing;
