# mailwire plan, worker and status, on a real PostgreSQL: three workers, one of which is killed in mid-window, and the database is started anew.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use RealServer;
use Test::More;

my ($initdb) = reverse sort glob '/usr/lib/postgresql/*/bin/initdb';
BEGIN { RealServer->need('su', 'psql', [ 'Minion', eval { require Minion } ], 'Mojo::Pg', [ 'root', $> == 0 ]) }
BEGIN { RealServer->need([ 'initdb', scalar(() = glob '/usr/lib/postgresql/*/bin/initdb') ], [ 'user postgres', defined getpwnam 'postgres' ]) }

use CommandTest;
use Mail::Wire::Sink ();

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

done_testing;
