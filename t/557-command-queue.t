# mailwire plan, worker and status, with a queue in a file of SQLite.

use strict;
use warnings;

use Test::More;

BEGIN {
    plan skip_all => 'needs Minion and Minion::Backend::SQLite (Debian: libminion-perl, libminion-backend-sqlite-perl)'
        if not eval { require Minion; require Minion::Backend::SQLite; 1 };
}

use lib 't/lib';
use Archive::Tar ();
use CommandTest;
use File::Temp ();
use IO::Compress::Gzip ();
use Mail::Wire::Command::Worker ();
use Mail::Wire::Queue ();
use Mail::Wire::Queue::Maildir ();
use Mail::Wire::Queue::Range ();
use Mail::Wire::Result ();
use Mail::Wire::Sink ();
use ScriptedServer;

my $folder = File::Temp->newdir;
my $sink = Mail::Wire::Sink->new(rcpt => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' });
my $number = 0;

# A queue with a plan of so many messages: its URL, and the mailbox.
sub planned {
    my ($messages, @options) = @_;
    my $queue = "sqlite:$folder/queue" . ++$number;
    my $mbox = write_file("$folder/box$number", join '', map { mail($_) } 1 .. $messages);
    $sink->clear;
    unshift @options, qw(--to-header Delivered-To) if not grep { $_ eq '--to' } @options;
    my ($code, $out, $err) = mailwire({}, 'plan', $sink->url, $mbox, '--queue', $queue, @options);
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
sub answers { my ($queue) = @_; return Mail::Wire::Queue->new($queue)->store->totals->{status} }
sub jobs { my ($queue) = @_; return Mail::Wire::Queue->new($queue)->engine->counts }
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
    my $range = Mail::Wire::Queue::Range->new(store => $store, id => 1, job => 1, in_doubt => 'report');
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

# ---------------------------------------------------------------- answers

{
    my ($queue) = planned(6);
    my $store = Mail::Wire::Queue->new($queue)->store;
    my $range = Mail::Wire::Queue::Range->new(store => $store, id => 1, job => 1, in_doubt => 'report');
    my @jobs = map { { message => $range->next } } 1 .. 4;
    $range->begin(@jobs);
    my @away = ('421', 'No answer', 'connect');
    foreach ([ 0, '250', 'Saved', 'final', 0 ], [ 1, '421', 'Link lost', 'final', 1 ], [ 2, '450', 'x' x 500, 'rcpt', 0 ], [ 3, @away, 0 ]) {
        my ($job, @answer) = @$_;
        my $result = Mail::Wire::Result->_new("user$job\@example.org", 0, @answer[ 0 .. 2 ]);
        $result->[Mail::Wire::Result::NOTES] = Mail::Wire::Result::MAYBE_DELIVERED if $answer[3];
        $range->answered($jobs[$job], $result);
    }
    $range->sync;
    is_deeply(answers($queue), { success => 1, doubt => 1, deferral => 1 }, 'answers: one may be delivered; where no link was there is no row');
    like($range->broken, qr/ does not answer: No answer/, '... and no more is sent');
    is($range->next, undef, '... of this range');
    ok(!$range->is_done, '... which is not done');
    is((map { length } $store->dbh->selectrow_array('SELECT words FROM mailwire_row WHERE message = 2'))[0], 200, '... long words are cut');
    my $later = Mail::Wire::Queue::Range->new(store => $store, id => 1, job => 1, in_doubt => 'report');
    is_deeply([ $later->doubts, $later->next->offset ], [ 0, $jobs[3]{message}->offset ], '... and another worker goes on with what has none');
}
{
    my ($queue) = planned(5);
    my $both = Mail::Wire::Queue->new($queue);
    my $minion = $both->engine->{minion};
    my $worker = $minion->backoff(sub { 0 })->worker->register;
    foreach (1 .. 25) {    # as often as it is tried
        $minion->backend->dequeue($worker->id, 0, { queues => ['mailwire'], id => 1 });
        $minion->backend->fail_job(1, $_ - 1, "the server is away\n");
    }
    like((status($queue, '--failed'))[1], qr/^range 1: the server is away$/m, 'a range that was tried too often');
    is($both->retry, 1, '... is put back');
    $minion->backend->dequeue($worker->id, 0, { queues => ['mailwire'], id => 1 });
    $minion->backend->fail_job(1, $minion->job(1)->retries, 'again');
    is_deeply([ @{ $both->engine->counts }{qw(waiting failed)} ], [ 1, 0 ], '... for as many times');
    cmp_ok($minion->stuck_after, '>', 300 * 86_400, '... and may wait for a year');
    cmp_ok($minion->missing_after, '>', 600, 'a worker is missed after more than the time in which a server answers');
    is($both->store->lose_job(1, 2), !1, 'a range keeps its job from who means another');
    $both->store->dbh->do('UPDATE mailwire_range SET mark = messages');
    is($both->store->lose_job(1, 1), !1, '... and when it is done meanwhile');
}

# ---------------------------------------------------------------- names

{
    my $strange = "$folder/a b%41\t\xe9\n";
    mkdir $strange or die "$strange: $!";
    my $queue = "sqlite:$folder/strange";
    my $box = write_file("$strange/m x", mail(1));
    mailwire({}, 'plan', $sink->url, $box, '--queue', $queue, '--to', '"a b"@example.org', '--from', '');
    $sink->clear;
    work($queue);
    is_deeply([ map { ($_->{from}, map { $_->{address} } @{ $_->{recipients} }) } $sink->messages ], [ '', '"a b"@example.org' ], 'spaces in names');
    my $text = mail(1);
    IO::Compress::Gzip::gzip(\$text => "$folder/box.gz");
    my $tar = Archive::Tar->new;
    $tar->add_data('box', $text);
    $tar->write("$folder/box.tar");
    my ($code, undef, $err) = mailwire({}, 'plan', $sink->url, "$folder/box.gz", "$folder/box.tar", '--queue', $queue, '--to', 'a@example.org');
    is($code, 66, 'mailboxes that are packed');
    my @not_planned = $err =~ /only messages of plain files can be planned: unpack it/g;
    is(scalar @not_planned, 2, '... are not planned') or diag($err);
}

# ---------------------------------------------------------------- a server that is slow to answer

{
    my $server = ScriptedServer->new(script => [
        reply => '220 here', expect => qr/^LHLO/, reply => '250 here', expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok',
        expect => qr/^DATA/, reply => '354 go on', data => 1, stall => 'silent', reply => '250 saved', expect => qr/^QUIT/, reply => '221 bye',
    ]);
    my $queue = "sqlite:$folder/slow";
    my $box = write_file("$folder/slow.mbox", mail(1));
    my ($code) = mailwire({}, 'plan', 'lmtp://127.0.0.1:' . $server->port, $box, qw(--to user@example.org --queue), $queue);
    my ($beats, $beat) = (0, Mail::Wire::Queue::Minion->can('beat'));
    {
        no warnings qw(once redefine);
        local *Mail::Wire::Queue::Minion::beat = sub { $server->release if $server->passed('silent') and ++$beats == 3; return $beat->(@_) };
        local $SIG{ALRM} = sub { die "it says nothing while it waits\n" };
        alarm 60;
        my $is = eval { Mail::Wire::Command::Worker->run('--queue', $queue, qw(--drain --links 1 --missing-after 1)) };
        is($is, 0, 'a server that is slow') or diag($@);
        alarm 0;
    }
    cmp_ok($beats, '>=', 3, '... the worker says that it lives meanwhile');
    is_deeply(answers($queue), { success => 1 }, '... and has the answer');
}

# ---------------------------------------------------------------- plans that end at once, or are killed

# Each queues the ranges of both, in the moment in which the other does. What `add` is called with is done in its middle.
sub between {
    my ($queue, $code) = @_;
    my $add = $queue->engine->can('add');
    no warnings qw(once redefine);
    local *Mail::Wire::Queue::Minion::add = sub { my $job = $add->(@_); $code->(@_, $job); return $job };
    return $queue->give_jobs;
}

# A plan of so many ranges of five messages that has been read, and was killed before it gave them jobs.
sub jobless {
    my ($ranges) = @_;
    my ($queue) = planned(5 * $ranges, '--range', 5);
    my $both = Mail::Wire::Queue->new($queue);
    $both->engine->remove($_->[1]) foreach $both->store->with_job;
    is($both->engine->counts->{waiting}, 0, '... and killed before its ranges had jobs');
    $both->store->dbh->do('UPDATE mailwire_range SET job = NULL');
    return ($queue, $both);
}

my @three = grep { $_ != 3 && $_ != 4 } 1 .. 15;
{
    my ($queue) = jobless(3);
    like((status($queue))[1], qr/^ranges: 3 waiting, 0 active/m, '... status has them');
    work($queue);
    is_deeply([ texts() ], \@three, '... a worker gives them jobs, and sends them');
    like((status($queue))[1], qr/^ranges: 0 waiting, 0 active, 3 finished, 0 failed$/m, '... one each');
}
{
    my ($queue, $both) = jobless(3);
    my @others;
    between($both, sub { my (undef, $range) = @_; push @others, $both->store->give_job($range, 1000 + $range) });
    is_deeply(\@others, [ 1, 1, 1 ], 'another that was faster');
    is_deeply([ map { $_->[1] } $both->store->with_job ], [ 1001 .. 1003 ], '... has the ranges');
    is($both->engine->counts->{waiting}, 0, '... and the jobs of this one are gone');
    is($both->retry, 3, 'ranges whose jobs are gone');
    is($both->retry, 0, '... get others, once');
    work($queue);
    is_deeply([ texts() ], \@three, '... and are sent');
    is($both->retry, 0, '... what is done needs none');
}
{
    my ($queue, $both) = jobless(1);
    my @jobs = map { $both->engine->add(1) } 1 .. 3;    # of plans killed before they wrote it down
    my @taken = map { Mail::Wire::Queue::Range->new(store => $both->store, id => 1, job => $_, in_doubt => 'report') } @jobs[ 1, 0, 2, 1 ];
    is_deeply([ map { $_ ? $_->{run} : 0 } @taken ], [ 1, 2 ], 'three jobs for a range: it is of the first that is taken');
    ok(!$both->store->give_job(1, $jobs[0]), '... also for who comes late with another');
    ok($both->store->give_job(1, $jobs[1]), '... and that one may say so again');
    work($queue);
    is_deeply([ texts() ], [ 1, 2, 5 ], '... it is sent once');
    is(jobs($queue)->{finished}, 3, '... and the others are over');
}
{
    my ($queue, $both) = jobless(1);
    my $held = $both->engine->alone;
    is($both->give_jobs, 1, 'while another is about it, ranges are its');
    undef $held;
    is($both->give_jobs, 0, '... and may be had behind that');
    my $plan = $both->store->add_plan('lmtp://x');
    $both->store->add_range($plan, [ 'x 0 0 x - - x' ], 1);
    is($both->give_jobs, 0, 'a plan that is not whole');
    is(jobs($queue)->{waiting}, 1, '... has no jobs');
}

# ---------------------------------------------------------------- again

{
    my ($queue) = planned(10, '--range', 4, '--to', 'later@example.org', '--to', 'user@example.org', '--to', 'nobody@example.org');
    work($queue);
    my ($code, $out) = mailwire({}, qw(plan --again deferral --range 6 --queue), $queue);
    is($code, 0, '--again deferral');
    is($out, "plan 2, of plan 1: 10 messages for 10 recipients in 2 ranges\n", '... is told');
    is_deeply(answers($queue), { success => 10, failure => 10, again => 10 }, '... and in the rows');
    is((mailwire({}, qw(plan --again deferral --queue), $queue))[1], "nobody has such an answer\n", '... once');
    $sink->clear;
    $sink->rules(rcpt => { 'nobody@*' => '550 5.1.1 No such user' });
    work($queue);
    is_deeply([ texts() ], [ 1 .. 10 ], '... they are sent');
    my @addresses = map { map { $_->{address} } @{ $_->{recipients} } } $sink->messages;
    is_deeply([ grep { $_ ne 'later@example.org' } @addresses ], [], '... to who was put off');
    my ($is, $told) = status($queue);
    like($told, qr/^40 recipients, 40 have an answer, 0 have none$/m, '... the sum');
    is(sum($told), '20 success 10 failure 10 again', '... and of each');
    $sink->rules(rcpt => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' });
}
{
    my ($queue) = planned(20);
    abandoned($queue, 10, 5, 6);
    work($queue);
    is((mailwire({}, qw(plan --again deferral --quiet --queue), $queue))[1], '', '--again deferral --quiet');
    is_deeply(answers($queue), { success => 12, doubt => 8 }, '... takes none that is in doubt');
    my ($code, $out) = mailwire({}, 'plan', '--again', 'doubt,unread', '--queue', $queue);
    is($out, "plan 2, of plan 1: 8 messages for 8 recipients in 1 ranges\n", '--again doubt');
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
    my %worker = (option => {}, new => {}, parent => getppid, queue => Mail::Wire::Queue->new($queue));
    my $worker = bless \%worker, 'Mail::Wire::Command::Worker';
    is(eval { $worker->_range(1, 1); 1 }, undef, '... a worker that finds it so gives the range back');
    like($@, qr/\Arange 1: .* what was planned is not there any more; see --skip-unread$/s, '... and says why');
    work($queue, '--skip-unread');
    is_deeply([ texts() ], [5], '--skip-unread: the others are');
    is(sum((status($queue))[1]), '2 success 1 failure 1 deferral 1 unread', '... and the row says so');
}

# ---------------------------------------------------------------- Maildirs

sub maildir {
    my ($name, %files) = @_;
    my $path = "$folder/$name";
    mkdir $_ or die "$_: $!" foreach $path, map {"$path/$_"} qw(new cur tmp);
    write_file("$path/$_", $files{$_}) foreach keys %files;
    return $path;
}

sub moved { my ($maildir, $from, $to) = @_; rename "$maildir/$from", "$maildir/$to" or die "$from: $!"; return }

{
    my $queue = "sqlite:$folder/maildir-queue";
    my %files = map { ($_ < 4 ? "new/10$_.x" : "cur/10$_.x:2,") => "Subject: x\n\nText $_\n" } 1 .. 6;
    my $maildir = maildir('maildir', %files, 'cur/1070.x:2,S' => "Text 70\n");
    $sink->clear;
    mailwire({}, 'plan', $sink->url, $maildir, qw(--to user@example.org --queue), $queue);
    moved($maildir, 'new/101.x',    'cur/101.x:2,S');
    moved($maildir, 'cur/104.x:2,', 'cur/104.x:2,FRS');
    moved($maildir, 'cur/105.x:2,', 'cur/105.x');
    moved($maildir, 'new/102.x',    'cur/102.xyz:2,');                 # that is another one
    unlink "$maildir/cur/106.x:2,";
    write_file("$maildir/cur/106.x:2,S", "Subject: y\n\nText 6\n");    # and so is this
    work($queue, '--skip-unread');
    is_deeply([ texts() ], [ 1, 3 .. 5, 70 ], 'messages of a Maildir whose flags were changed are found');
    is_deeply(answers($queue), { success => 5, unread => 2 }, '... others are not taken for them');
}
{
    my $maildir = maildir('flags', 'cur/1.x:2,' => 'x', 'new/2.x' => 'x');
    my $finder = Mail::Wire::Queue::Maildir->new;
    my $old = time - 1000;
    my $listed = 0;
    my $places = Mail::Wire::Queue::Maildir->can('_places');
    no warnings qw(once redefine);
    local *Mail::Wire::Queue::Maildir::_places = sub {
        my $before = $_[0]{places} || 0;
        my $found = $places->(@_);
        $listed++ if $found != $before;
        moved($maildir, 'cur/1.x:2,S', 'cur/1.x:2,T') if -e "$maildir/cur/1.x:2,S";    # in the moment in which it was found
        return $found;
    };
    moved($maildir, 'cur/1.x:2,', 'cur/1.x:2,S');
    is($finder->now("$maildir/cur/1.x:2,"), "$maildir/cur/1.x:2,T", 'one whose flags change while it is looked for');
    is($finder->now("$maildir/cur/2.x"), "$maildir/new/2.x", '... one that was put back');
    utime $old, $old, "$maildir/cur", "$maildir/new";
    $listed = 0;
    is($finder->now("$maildir/cur/$_.x"), "$maildir/cur/$_.x", "... $_ is nowhere") foreach 3 .. 9;
    is($listed, 1, '... for which a Maildir that does not change is read once');
    is($finder->now($_), $_, "... $_") foreach "$folder/none/cur/1.x", "$folder/none";
}

# ---------------------------------------------------------------- usage

my $box = write_file("$folder/box", mail(1));
foreach my $case (
    [ [ 'plan', $sink->url, $box, '--to', 'a@b' ], qr/no queue: give --queue/ ],
    [ [ 'plan', $sink->url, $box, '--to', 'a@b', '--queue', 'mysql:x' ], qr/a queue is postgresql:.* not mysql:x/ ],
    [ [ 'plan', $sink->url, '-', '--to', 'a@b', '--queue', "sqlite:$folder/none" ], qr/- is standard input, which other machines do not have/ ],
    [ [ 'plan', $sink->url, $box, '--queue', "sqlite:$folder/none" ], qr/no recipients/ ],
    [ [ 'plan', '--again', 'success', '--queue', "sqlite:$folder/none" ], qr/--again success: one or more of deferral,doubt/ ],
    [ [ 'plan', '--again', 'doubt,', '--queue', "sqlite:$folder/none" ], qr/--again doubt,: one or more of/ ],
    [ [ 'plan', '--again', 'doubt', '--queue', "sqlite:$folder/none", 'x' ], qr/--again: what is x for/ ],
    [ [ 'plan', '--again', 'doubt', '--queue', "sqlite:$folder/none", '--to', 'a@b' ], qr/--again and --to: / ],
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
