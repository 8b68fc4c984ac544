package Mail::Wire::Queue::Store;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);

our @CARP_NOT = ('Mail::Wire::Queue', 'Mail::Wire::Queue::Range');

# Plans, ranges and a row for each recipient who has an answer, in a database of PostgreSQL or SQLite.
#
# A range is some messages of a plan. In front of `mark` all have their rows; from there to `ahead` they may have been sent; behind it none was.
# `run` counts who took the range, `step` what that one wrote: who has lost it to another, and does not know, cannot write. `job` is the number
# of the engine's job for it, the first that asked: another one for the same range, of a command that was killed or of two at once, is of no use.
#
# Text from mailboxes and servers are octets; they are in the tables as ASCII, see `escaped`.

my @made = (
    'CREATE TABLE IF NOT EXISTS mailwire_plan (id SERIAL, url TEXT NOT NULL, ranges BIGINT NOT NULL DEFAULT 0, messages BIGINT NOT NULL DEFAULT 0,
        recipients BIGINT NOT NULL DEFAULT 0, is_whole INTEGER NOT NULL DEFAULT 0)',
    'CREATE TABLE IF NOT EXISTS mailwire_range (id SERIAL, plan BIGINT NOT NULL, job BIGINT, messages BIGINT NOT NULL, recipients BIGINT NOT NULL,
        manifest TEXT NOT NULL, mark BIGINT NOT NULL DEFAULT 0, ahead BIGINT NOT NULL DEFAULT 0, run BIGINT NOT NULL DEFAULT 0,
        step BIGINT NOT NULL DEFAULT 0)',
    'CREATE TABLE IF NOT EXISTS mailwire_row (range BIGINT NOT NULL, message BIGINT NOT NULL, place BIGINT NOT NULL, recipient TEXT NOT NULL,
        status TEXT NOT NULL, stage TEXT NOT NULL, code TEXT NOT NULL, words TEXT NOT NULL, PRIMARY KEY (range, message, place))',
    'CREATE INDEX IF NOT EXISTS mailwire_range_jobless ON mailwire_range (id) WHERE job IS NULL',
    q{CREATE INDEX IF NOT EXISTS mailwire_row_other ON mailwire_row (status, range, message) WHERE status <> 'success'},
);

use constant LOCK => 1_298_751_337;    # of PostgreSQL, by any number

# handle: code that gives a handle of DBI whose errors die.
sub new {
    my ($class, $handle) = @_;
    my $self = bless { handle => $handle }, $class;
    $self->{is_pg} = $self->dbh->{Driver}{Name} eq 'Pg';
    $self->_create;
    return $self;
}

sub dbh {
    my ($self) = @_;
    my $dbh = $self->{dbh};
    return $dbh if $dbh and $dbh->{Active};
    return $self->{dbh} = $self->{handle}->();
}

# After an error: the next use opens it anew if it is broken.
sub lives {
    my ($self) = @_;
    my $lives = $self->{dbh} && eval { $self->{dbh}->ping };
    undef $self->{dbh} if not $lives;
    return $lives ? 1 : 0;
}

# Who only asks how it stands waits for nobody who writes: what is there is not made again.
sub _create {
    my ($self) = @_;
    return if $self->_is_there('mailwire_row_other');
    my $id = $self->{is_pg} ? 'id BIGSERIAL PRIMARY KEY' : 'id INTEGER PRIMARY KEY AUTOINCREMENT';
    $self->_at_once(sub {
        my ($dbh) = @_;
        local $dbh->{PrintWarn} = 0;
        $self->_alone($dbh);
        foreach my $thing (@made) {
            (my $statement = $thing) =~ s/id SERIAL/$id/;
            $dbh->do($statement);
        }
    });
    return;
}

sub _is_there {
    my ($self, $name) = @_;
    my $asks = $self->{is_pg} ? 'SELECT to_regclass(?)' : 'SELECT name FROM sqlite_master WHERE name = ?';
    return defined +($self->dbh->selectrow_array($asks, undef, $name))[0];
}

# A transaction.
sub _at_once {
    my ($self, $code) = @_;
    my $dbh = $self->dbh;
    $dbh->begin_work;
    my $value;
    return $value if eval { $value = $code->($dbh); $dbh->commit; 1 };
    my $error = $@;
    eval { $dbh->rollback };
    die $error;
}

# One transaction at a time: of SQLite's each is.
sub _alone {
    my ($self, $dbh) = @_;
    $dbh->do('SELECT pg_advisory_xact_lock(' . LOCK . ')') if $self->{is_pg};
    return;
}

sub escaped {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^\x21-\x24\x26-\x5b\x5d-\x7e])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# A text of the database is one of characters for perl: paths and addresses are octets.
sub plain {
    my ($text) = @_;
    utf8::downgrade($text);
    $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    return $text;
}

# ---------------------------------------------------------------- plans

# is_whole: workers may begin with its ranges as they are added.
sub add_plan {
    my ($self, $url, $is_whole) = @_;
    return $self->_at_once(sub {
        $_[0]->do('INSERT INTO mailwire_plan (url, is_whole) VALUES (?, ?)', undef, escaped($url), $is_whole ? 1 : 0);
        return $self->_last('mailwire_plan');
    });
}

sub _last { return $_[0]->dbh->last_insert_id(undef, undef, $_[1], undef) }

# Lines of Mail::Wire::Queue::Manifest.
sub add_range {
    my ($self, $plan, $lines, $recipients) = @_;
    return $self->_at_once(sub { $self->_add_range($_[0], $plan, $lines, $recipients) });
}

sub _add_range {
    my ($self, $dbh, $plan, $lines, $recipients) = @_;
    $dbh->do('INSERT INTO mailwire_range (plan, messages, recipients, manifest) VALUES (?, ?, ?, ?)', undef, $plan, scalar @$lines, $recipients,
        join "\n", @$lines);
    my $id = $self->_last('mailwire_range');
    $dbh->do('UPDATE mailwire_plan SET ranges = ranges + 1, messages = messages + ?, recipients = recipients + ? WHERE id = ?', undef,
        scalar @$lines, $recipients, $plan);
    return $id;
}

# Everything was read: workers may begin.
sub whole {
    my ($self, $plan) = @_;
    return $self->dbh->do('UPDATE mailwire_plan SET is_whole = 1 WHERE id = ?', undef, $plan);
}

# ---------------------------------------------------------------- what is sent again

# Plans that have rows of these statuses: references to lists of number and URL.
sub plans_with {
    my ($self, @status) = @_;
    my $plans = $self->dbh->selectall_arrayref('SELECT p.id, p.url FROM mailwire_plan p WHERE EXISTS (SELECT 1 FROM mailwire_range r
        JOIN mailwire_row w ON w.range = r.id WHERE r.plan = p.id AND ' . _among(@status) . ') ORDER BY p.id', undef, @status);
    return map { [ $_->[0], plain($_->[1]) ] } @$plans;
}

# The literal is that of the index.
sub _among {
    my (@status) = @_;
    return "status <> 'success' AND status IN (" . join(', ', ('?') x @status) . ')';
}

# A range of a plan, of at most so many messages, from rows of another plan that have these statuses. In the same transaction the rows get the status
# `again`: nobody else takes them. `part` is code that is called with a line and numbers of its recipients, and returns one for these. How many
# messages and recipients; nothing: there is no such row.
sub again {
    my ($self, %in) = @_;    # from, to, status, most, part
    my @status = @{ $in{status} };
    return @{ $self->_at_once(sub {
        my ($dbh) = @_;
        $self->_alone($dbh);
        my $found = $dbh->selectall_arrayref('SELECT DISTINCT w.range, w.message FROM mailwire_row w JOIN mailwire_range r ON r.id = w.range
            WHERE r.plan = ? AND ' . _among(@status) . ' ORDER BY w.range, w.message LIMIT ?', undef, $in{from}, @status, $in{most});
        my ($recipients, @lines) = (0);
        foreach (@$found) {
            my @places = $self->_taken_again($dbh, @$_, @status);
            push @lines, $in{part}->($self->_line(@$_), @places);
            $recipients += @places;
        }
        $self->_add_range($dbh, $in{to}, \@lines, $recipients) if @lines;
        return @lines ? [ scalar @lines, $recipients ] : [];
    }) };
}

sub _taken_again {
    my ($self, $dbh, $range, $message, @status) = @_;
    my $which = 'range = ? AND message = ? AND ' . _among(@status);
    my $places = $dbh->selectcol_arrayref("SELECT place FROM mailwire_row WHERE $which ORDER BY place", undef, $range, $message, @status);
    $dbh->do("UPDATE mailwire_row SET status = 'again' WHERE $which", undef, $range, $message, @status);
    return @$places;
}

# Of a range's manifest. The last one's is kept.
sub _line {
    my ($self, $range, $message) = @_;
    if (not $self->{lines} or $self->{lines_of} != $range) {
        my ($manifest) = $self->dbh->selectrow_array('SELECT manifest FROM mailwire_range WHERE id = ?', undef, $range);
        @{$self}{qw(lines lines_of)} = ([ split /\n/, $manifest ], $range);
    }
    return $self->{lines}[$message];
}

# ---------------------------------------------------------------- jobs

use constant JOBLESS => 'FROM mailwire_range r JOIN mailwire_plan p ON p.id = r.plan WHERE r.job IS NULL AND p.is_whole = 1';

# Ranges of whole plans that have none, so many at the most.
sub without_job {
    my ($self, $most) = @_;
    return @{ $self->dbh->selectcol_arrayref('SELECT r.id ' . JOBLESS . ' ORDER BY r.id LIMIT ?', undef, $most) };
}

sub count_without_job { return 0 + ($_[0]->dbh->selectrow_array('SELECT count(*) ' . JOBLESS))[0] }

# False: the range has another already.
sub give_job {
    my ($self, $id, $job) = @_;
    return $self->dbh->do('UPDATE mailwire_range SET job = ? WHERE id = ? AND (job IS NULL OR job = ?)', undef, $job, $id, $job) > 0;
}

# Ranges that are not done, and have a job: references to lists of range and job.
sub with_job {
    my ($self) = @_;
    return @{ $self->dbh->selectall_arrayref('SELECT id, job FROM mailwire_range WHERE mark < messages AND job IS NOT NULL ORDER BY id') };
}

# That job is gone. Not if the range was done meanwhile, which is why it may be.
sub lose_job {
    my ($self, $id, $job) = @_;
    return $self->dbh->do('UPDATE mailwire_range SET job = NULL WHERE id = ? AND job = ? AND mark < messages', undef, $id, $job) > 0;
}

# ---------------------------------------------------------------- ranges

# Who takes it has it: others cannot write any more. A reference to a hash: url, manifest (lines), mark, ahead, run, rows (the numbers of
# messages from the mark on that have theirs, as keys). Nothing: the range has another job.
sub take {
    my ($self, $id, $job) = @_;
    my $taken = $self->_at_once(sub {
        my ($dbh) = @_;
        my $is_its = $dbh->do('UPDATE mailwire_range SET job = ?, run = run + 1, step = 0 WHERE id = ? AND (job IS NULL OR job = ?)', undef,
            $job, $id, $job) > 0;
        my $row = $dbh->selectrow_hashref(
            'SELECT r.manifest, r.mark, r.ahead, r.run, p.url FROM mailwire_range r JOIN mailwire_plan p ON p.id = r.plan WHERE r.id = ?', undef,
            $id)
            or croak "the queue has no range $id";
        return if not $is_its;
        my $rows = $dbh->selectcol_arrayref('SELECT DISTINCT message FROM mailwire_row WHERE range = ? AND message >= ?', undef, $id, $row->{mark});
        $row->{rows} = { map { $_ => 1 } @$rows };
        return $row;
    });
    return if not $taken;
    $taken->{url} = plain($taken->{url});
    $taken->{manifest} = [ split /\n/, $taken->{manifest} ];
    return $taken;
}

# Rows (references to lists, as in the table behind `range`), and how far the range is. False: another has taken it.
sub move {
    my ($self, $range, $rows) = @_;
    my ($id, $run, $step) = @{$range}{qw(id run step)};
    return $self->_at_once(sub {
        my ($dbh) = @_;
        my $is_ours = $dbh->do('UPDATE mailwire_range SET mark = ?, ahead = ?, step = step + 1 WHERE id = ? AND run = ? AND step = ?', undef,
            @{$range}{qw(mark ahead)}, $id, $run, $step) > 0;
        return $self->_is_written($dbh, $id, $run, $step + 1) if not $is_ours;
        $self->{is_pg} ? $self->_copy($dbh, $id, @$rows) : $self->_insert($dbh, $id, @$rows);
        return 1;
    });
}

# By an attempt whose answer was lost.
sub _is_written {
    my ($self, $dbh, $id, $run, $step) = @_;
    my @now = $dbh->selectrow_array('SELECT run, step FROM mailwire_range WHERE id = ?', undef, $id);
    return @now && $now[0] == $run && $now[1] == $step ? 1 : 0;
}

sub _copy {
    my ($self, $dbh, $id, @rows) = @_;
    return if not @rows;
    $dbh->do('COPY mailwire_row FROM STDIN');
    my $text = join '', map { join("\t", $id, @$_) . "\n" } @rows;
    $dbh->pg_putcopydata($text);
    $dbh->pg_putcopyend;
    return;
}

sub _insert {
    my ($self, $dbh, $id, @rows) = @_;
    my $insert = $dbh->prepare_cached('INSERT INTO mailwire_row VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    $insert->execute($id, @$_) foreach @rows;
    return;
}

# ---------------------------------------------------------------- how it stands

# plans: references to hashes of the plans' rows; status: how many rows of each.
sub totals {
    my ($self) = @_;
    my $plans = $self->dbh->selectall_arrayref('SELECT * FROM mailwire_plan ORDER BY id', { Slice => {} });
    $_->{url} = plain($_->{url}) foreach @$plans;
    my %status = map { @$_ } @{ $self->dbh->selectall_arrayref('SELECT status, count(*) FROM mailwire_row GROUP BY status') };
    my ($sending) = $self->dbh->selectrow_array('SELECT coalesce(sum(ahead - mark), 0) FROM mailwire_range');
    return { plans => $plans, status => \%status, sending => 0 + $sending };
}

# Those of these statuses, each given to the code: a reference to a hash of the table's columns, and `line`, of the manifest.
sub each_row {
    my ($self, $code, @status) = @_;
    my $rows = $self->dbh->prepare('SELECT * FROM mailwire_row WHERE ' . _among(@status) . ' ORDER BY range, message, place');
    $rows->execute(@status);
    while (my $row = $rows->fetchrow_hashref) {
        $_ = plain($_) foreach @{$row}{qw(recipient words)};
        $code->({ %$row, line => $self->_line(@{$row}{qw(range message)}) });
    }
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Store - plans, ranges and a row for each recipient

=head1 DESCRIPTION

Internal to Mail-Wire: the tables of L<Mail::Wire::Queue>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
