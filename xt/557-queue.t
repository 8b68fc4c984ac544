# mailwire plan, worker and status, on a real PostgreSQL: three workers, one of which is killed in mid-window, and the database is started anew; and
# what several do to a range at once.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use RealServer;
use Test::More;

my ($initdb) = reverse sort glob '/usr/lib/postgresql/*/bin/initdb';
BEGIN { RealServer->need('su', 'psql', [ 'Minion', eval { require Minion } ], 'Mojo::Pg', [ 'root', $> == 0 ]) }
BEGIN { RealServer->need([ 'initdb', scalar(() = glob '/usr/lib/postgresql/*/bin/initdb') ], [ 'user postgres', defined getpwnam 'postgres' ]) }

use CommandTest;
use Mail::Wire::Queue ();
use Mail::Wire::Sink ();
use POSIX ();

use constant { MESSAGES => 8000, WINDOW => 200, WAIT => 300 };

(my $programs = $initdb) =~ s{/initdb\z}{};
my $dir = RealServer->directory;
chmod 0755, $dir or die "$dir: $!";
mkdir "$dir/pg" or die "$dir: $!";
chown((getpwnam 'postgres')[ 2, 3 ], "$dir/pg") or die "$dir: $!";
my ($owner, $is_started, @workers) = ($$);

END {
    if (defined $owner and $$ == $owner) {
        local $?;
        kill 'KILL', @workers;
        database('stop') if $is_started;
    }
}

sub as_postgres { my ($command) = @_; return system 'su', 'postgres', '-s', '/bin/sh', '-c', "cd / && $command >>$dir/pg/out 2>&1" }

sub database {
    my ($what) = @_;
    return as_postgres("$programs/pg_ctl -D $dir/pg/data -m immediate -w -l $dir/pg/log -o \"-k $dir/pg -c listen_addresses=\" $what");
}

sub ask {
    my ($statement) = @_;
    my $answer = qx(psql -h $dir/pg -U postgres -At -c "$statement" mail 2>/dev/null);
    return split /\n/, $answer;
}

is(as_postgres("$programs/initdb -D $dir/pg/data -A trust -N"), 0, 'PostgreSQL: initdb') or BAIL_OUT(read_file("$dir/pg/out"));
is(database('start'), 0, '... started');
$is_started = 1;
is(as_postgres("$programs/createdb -h $dir/pg mail"), 0, '... a database');
(my $host = "$dir/pg") =~ s{/}{%2f}g;
local $ENV{MAILWIRE_QUEUE} = "postgresql://postgres\@$host/mail";

my $sink = Mail::Wire::Sink->new;
my $box = write_file("$dir/box", join '', map {
    "From sender\@example.org Thu Jan  1 00:00:00 2026\nDelivered-To: u$_\@example.org\n\nText $_\n\n"
} 1 .. MESSAGES);
my ($code, $out, $err) = mailwire({}, 'plan', $sink->url, $box, qw(--to-header Delivered-To --range 1000));
is($out, 'plan 1: ' . MESSAGES . ' messages for ' . MESSAGES . " recipients in 8 ranges\n", 'plan') or diag($err);

@workers = map { start({ wait => WAIT }, qw(worker --drain --missing-after 8 --rate 500 --window), WINDOW) } 1 .. 3;
ok(wait_for(sub { ((ask('select count(*) from mailwire_row'))[0] || 0) > 1500 }, WAIT), 'three workers have begun');
my $killed = shift @workers;
kill 'KILL', $killed;
is((finish($killed))[0], -9, '... one is killed');
is(database('restart'), 0, 'PostgreSQL is started anew, at once');
while (my $pid = shift @workers) {
    my ($is, undef, $says) = finish($pid);
    is($is, 75, 'a worker has come to the end, and says that something was wrong') or diag($says);
}

($code, $out) = mailwire({}, 'status', '--doubtful');
my @doubtful = ask(q(select recipient from mailwire_row where status = 'doubt'));
my @named = $out =~ /^\Q$box\E at \d+: <.*>: doubt /mg;
is(scalar @named, scalar @doubtful, scalar(@doubtful) . ' in doubt: each is named');
cmp_ok(scalar @doubtful, '<=', WINDOW, '... at most a window');
like($out, qr/^${\ MESSAGES} recipients, ${\ MESSAGES} have an answer, 0 have none$/m, 'each recipient has exactly one row');
is_deeply([ ask('select count(*), count(distinct recipient) from mailwire_row') ], [ MESSAGES . '|' . MESSAGES ], '... in the table as well');

my %times;
$times{"u$_\@example.org"}++ foreach map { $_->{data} =~ /^Text (\d+)/m } $sink->messages;
is_deeply([ grep { $times{$_} > 1 } keys %times ], [], 'no message has come twice');
my %is_doubtful = map { $_ => 1 } @doubtful;
my %is_success = map { $_ => 1 } ask(q(select recipient from mailwire_row where status = 'success'));
is_deeply([ grep { !$times{$_} } keys %is_success ], [], 'what is a success has come');
is_deeply([ grep { !$is_success{$_} && !$is_doubtful{$_} } keys %times ], [], 'what has come is a success, or in doubt');

# ---------------------------------------------------------------- plans that end at once, and one that is killed while it queues

my @plans = map { start({ wait => WAIT }, 'plan', $sink->url, $box, qw(--to user@example.org --range 20 --quiet)) } 1 .. 3;
my $left = 'select count(*) from mailwire_range where job is null';
my $has_begun = sub { (ask('select count(*) from mailwire_range where plan > 1 and job is not null'))[0] > 0 };
ok(wait_for($has_begun, WAIT), 'three plans; one begins to queue');
kill 'KILL', $plans[0];
my @ends = map { (finish($_))[0] } @plans;
is_deeply([ @ends[ 1, 2 ] ], [ 0, 0 ], '... another is killed, or has ended');
my $queue = Mail::Wire::Queue->new($ENV{MAILWIRE_QUEUE});
ok(wait_for(sub { !$queue->give_jobs }, WAIT), '... what it has left is taken up when its lock is over');
is_deeply([ ask("$left and plan in (select id from mailwire_plan where is_whole = 1)") ], [0], 'ranges of whole plans have jobs');
is_deeply([ ask('select count(*) - count(distinct job) from mailwire_range where job is not null') ], [0], '... no two the same');
my $waiting = q(select args->>0 from minion_jobs where state = 'inactive');
is_deeply([ ask("select count(*) from ($waiting group by 1 having count(*) > 1) as twice") ], [0], '... and no range has two');

# ---------------------------------------------------------------- one range, two jobs, at the same moment

# Two processes: the first has written, and not said so, when the second comes, which the database lets wait.
sub at_once {
    my ($job) = @_;
    my $queue = Mail::Wire::Queue->new($ENV{MAILWIRE_QUEUE});
    my ($store, $range) = ($queue->store, ask('select max(id) from mailwire_range'));
    ask("update mailwire_range set job = null where id = $range");
    pipe my $told, my $tell or die "pipe: $!";
    $store->dbh->begin_work;
    $store->give_job($range, 1_000_000);
    defined(my $pid = fork) or die "fork: $!";
    if (not $pid) {
        $_->{InactiveDestroy} = 1 foreach $store->dbh;
        my $taken = eval { Mail::Wire::Queue->new($ENV{MAILWIRE_QUEUE})->store->take($range, $job) };
        syswrite $tell, $@ ? "died: $@" : $taken ? 'taken' : 'not taken';
        POSIX::_exit(0);
    }
    close $tell;
    my $is_waiting = sub { (ask('select count(*) from pg_locks where not granted'))[0] > 0 };
    ok(wait_for($is_waiting, WAIT), "a worker with job $job waits for who gives the range one");
    $store->dbh->commit;
    my $answer = <$told>;
    waitpid $pid, 0;
    return $answer;
}

is(at_once(1_000_000), 'taken',     '... and has the range, as it is the same');
is(at_once(2_000_000), 'not taken', '... and has not, as it is another');

# ---------------------------------------------------------------- --again, by several at once

ask(q(update mailwire_row set status = 'deferral' where status = 'success' and range <= 3));
my ($deferred) = ask(q(select count(*) from mailwire_row where status = 'deferral'));
my @again = map { start({ wait => WAIT }, qw(plan --again deferral --range 50)) } 1 .. 3;
my $sum = 0;
foreach (@again) {
    my ($is, $told, $says) = finish($_);
    is($is, 0, 'plan --again deferral') or diag($says);
    $sum += $1 while $told =~ /of plan 1: (\d+) messages/g;
}
is($sum, $deferred, '... by three at once: all are taken over, once');
is_deeply([ ask(q(select count(*) from mailwire_row where status = 'again')) ], [$deferred], '... and their rows say so');

done_testing;
