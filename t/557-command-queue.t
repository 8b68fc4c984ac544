# mailwire plan, worker and status, with a queue in a file of SQLite.

use strict;
use warnings;

use Test::More;

BEGIN {
    plan skip_all => 'needs Minion and Minion::Backend::SQLite (Debian: libminion-perl, libminion-backend-sqlite-perl)'
        if not eval { require Minion; require Minion::Backend::SQLite; 1 };
}

use lib 't/lib';
use CommandTest;
use File::Temp ();
use Mail::Wire::Queue ();
use Mail::Wire::Queue::Range ();
use Mail::Wire::Result ();
use Mail::Wire::Sink ();

my $folder = File::Temp->newdir;
my $sink = Mail::Wire::Sink->new(rcpt => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' });
my $number = 0;

# A queue with a plan of so many messages: its URL, and the mailbox.
sub planned {
    my ($messages, @options) = @_;
    my $queue = "sqlite:$folder/queue" . ++$number;
    my $mbox = write_file("$folder/box$number", join '', map { mail($_) } 1 .. $messages);
    $sink->clear;
    my ($code, $out, $err) = mailwire({}, 'plan', $sink->url, $mbox, '--queue', $queue, '--to-header', 'Delivered-To', @options);
    is($code, 0, "plan of $messages messages") or diag($err);
    return ($queue, $mbox, $out);
}

sub mail {
    my ($n) = @_;
    my $to = $n == 3 ? 'nobody' : $n == 4 ? 'later' : "user$n";
    return "From sender\@example.org Thu Jan  1 00:00:00 2026\nDelivered-To: $to\@example.org\n\nText $n\n>From here\n\n";
}

sub work { my ($queue, @options) = @_; return mailwire({}, 'worker', '--queue', $queue, qw(--drain --retry 0), @options) }
sub status { my ($queue, @options) = @_; return mailwire({}, 'status', '--queue', $queue, @options) }
sub texts { return sort { $a <=> $b } map { $_->{data} =~ /^Text (\d+)/m } $sink->messages }
sub sum { my ($out) = @_; return join ' ', $out =~ /^ +(\d+ \w+)$/mg }

{
    my ($queue, $mbox, $out) = planned(25, '--range', 10, '--format', 'mboxrd');
    is($out, "plan 1: 25 messages for 25 recipients in 3 ranges\n", '... is told');
    is((status($queue))[0], 75, 'not done: 75');
    my ($code, undef, $err) = work($queue, '--jobs', 2);
    is($code, 0, 'two workers') or diag($err);
    is_deeply([ texts() ], [ grep { $_ != 3 && $_ != 4 } 1 .. 25 ], '... have sent all, once');
    is_deeply([ grep { $_->{from} ne 'sender@example.org' } $sink->messages ], [], '... from who has sent it');
    is_deeply([ grep { $_->{data} !~ /^From here/m } $sink->messages ], [], '... without the > of the format');
    my ($is, $told) = status($queue, '--failed');
    is($is, 75, 'one is deferred: 75');
    like($told, qr/^\Q$mbox\E at \d+: <nobody\@example.org>: failure \(rcpt\) 550 5\.1\.1 No such user$/m, '--failed: who was refused');
    like($told, qr/^\Q$mbox\E at \d+: <later\@example.org>: deferral \(rcpt\) 451 4\.3\.0 Later$/m, '... and deferred');
    like($told, qr/^ranges: 0 waiting, 0 active, 3 finished, 0 failed\n25 recipients, 25 have an answer, 0 have none$/m, 'ranges');
    is(sum($told), '23 success 1 failure 1 deferral', 'the sum');
    like((status($queue, '--json'))[1], qr/"expected":25,.*"left":0,.*"success":23/, '--json');
}

# ---------------------------------------------------------------- workers that are killed

# What a worker leaves behind that has begun so many messages, and has the answers of those named.
sub abandoned {
    my ($queue, $begun, @answered) = @_;
    my $store = Mail::Wire::Queue->new($queue)->store;
    my $range = Mail::Wire::Queue::Range->new(store => $store, id => 1, in_doubt => 'report');
    my @jobs = map { { message => $range->next } } 1 .. $begun;
    $range->begin(@jobs);
    $range->answered($jobs[$_], Mail::Wire::Result->_new("user$_\@example.org", 0, '250', 'Saved', 'final')) foreach @answered;
    $range->begin($jobs[-1]) if @answered;
    return $range;
}

my @rest = grep { $_ != 3 && $_ != 4 } 11 .. 20;
foreach my $case (
    [ [],                           [@rest],             '17 success 1 deferral 8 doubt' ],
    [ [ '--in-doubt', 'skip' ],     [@rest],             '8 skipped' ],
    [ [ '--in-doubt', 'resend' ],   [ 1, 2, 5, 8 .. 10, @rest ], '' ],
) {
    my ($options, $texts) = @$case;
    my ($queue) = planned(20);
    abandoned($queue, 10, 5, 6);    # messages 6 and 7
    work($queue, @$options);
    is_deeply([ texts() ], $texts, "a worker killed after ten, two of them answered: @$options");
    my ($code, $out) = status($queue, '--doubtful');
    my @doubtful = $out =~ /: doubt /g;
    is(scalar @doubtful, @$options ? 0 : 8, '... who is in doubt');
    like($out, qr/^20 recipients, 20 have an answer, 0 have none$/m, '... each recipient has one row');
    is($code, @$options && $options->[1] eq 'skip' ? 0 : 75, '... exit code') if not @$options;
}

{
    my ($queue) = planned(20);
    my $slow = abandoned($queue, 10);
    work($queue);
    my $message = $slow->next;
    is(eval { $slow->begin({ message => $message }); 1 }, undef, 'who has lost the range to another');
    like($@, qr/range 1 was taken by another worker/, '... cannot go on with it');
}

# ---------------------------------------------------------------- what is not there

{
    my ($queue, $mbox) = planned(5);
    my $range = abandoned($queue, 1, 0);
    (my $text = read_file($mbox)) =~ s/user2/user9/;
    write_file($mbox, $text);
    undef $range->{manifest_of}{input};    # as in another process
    is($range->next, undef, 'a message that was changed is not sent');
    like($range->broken, qr/\Q$mbox\E, offset \d+: what was planned is not there any more/, '... and said');
    work($queue, '--skip-unread');
    is_deeply([ texts() ], [5], '--skip-unread: the others are');
    is(sum((status($queue))[1]), '2 success 1 failure 1 deferral 1 unread', '... and the row says so');
}

# ---------------------------------------------------------------- usage

my $box = write_file("$folder/box", mail(1));
foreach my $case (
    [ [ 'plan', $sink->url, $box, '--to', 'a@b' ], qr/no queue: give --queue/ ],
    [ [ 'plan', $sink->url, $box, '--to', 'a@b', '--queue', 'mysql:x' ], qr/a queue is postgresql:.* not mysql:x/ ],
    [ [ 'plan', $sink->url, '-', '--to', 'a@b', '--queue', "sqlite:$folder/none" ], qr/- is standard input, which other machines do not have/ ],
    [ [ 'plan', $sink->url, $box, '--queue', "sqlite:$folder/none" ], qr/no recipients/ ],
    [ [ 'worker', '--jobs', 0 ], qr/--jobs 0: a number from 1 on/ ],
    [ [ 'worker', '--in-doubt', 'x' ], qr/--in-doubt x: report, resend or skip/ ],
    [ [ 'worker', 'lmtp://x' ], qr/what is lmtp:\/\/x for/ ],
    [ [ 'status', 'x' ], qr/what is x for/ ],
) {
    my ($arguments, $says) = @$case;
    my ($code, undef, $err) = mailwire({ env => { MAILWIRE_QUEUE => '' } }, @$arguments);
    is($code, 64, "@$arguments[ 0, -1 ]: bad usage");
    like($err, $says, '... is said');
}

done_testing;
