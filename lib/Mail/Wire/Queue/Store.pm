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
# `run` counts who took the range, `step` what that one wrote: who has lost it to another, and does not know, cannot write.
#
# Text from mailboxes and servers are octets; they are in the tables as ASCII, see `escaped`.

my @tables = (
    'CREATE TABLE IF NOT EXISTS mailwire_plan (id SERIAL, url TEXT NOT NULL, ranges BIGINT NOT NULL DEFAULT 0, messages BIGINT NOT NULL DEFAULT 0,
        recipients BIGINT NOT NULL DEFAULT 0, is_whole INTEGER NOT NULL DEFAULT 0)',
    'CREATE TABLE IF NOT EXISTS mailwire_range (id SERIAL, plan BIGINT NOT NULL, job BIGINT, messages BIGINT NOT NULL, recipients BIGINT NOT NULL,
        manifest TEXT NOT NULL, mark BIGINT NOT NULL DEFAULT 0, ahead BIGINT NOT NULL DEFAULT 0, run BIGINT NOT NULL DEFAULT 0,
        step BIGINT NOT NULL DEFAULT 0)',
    'CREATE TABLE IF NOT EXISTS mailwire_row (range BIGINT NOT NULL, message BIGINT NOT NULL, place BIGINT NOT NULL, recipient TEXT NOT NULL,
        status TEXT NOT NULL, stage TEXT NOT NULL, code TEXT NOT NULL, words TEXT NOT NULL, PRIMARY KEY (range, message, place))',
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

sub _create {
    my ($self) = @_;
    my $id = $self->{is_pg} ? 'id BIGSERIAL PRIMARY KEY' : 'id INTEGER PRIMARY KEY AUTOINCREMENT';
    $self->_at_once(sub {
        my ($dbh) = @_;
        local $dbh->{PrintWarn} = 0;
        $dbh->do('SELECT pg_advisory_xact_lock(' . LOCK . ')') if $self->{is_pg};
        foreach my $table (@tables) {
            (my $statement = $table) =~ s/id SERIAL/$id/;
            $dbh->do($statement);
        }
    });
    return;
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

sub escaped {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^\x21-\x24\x26-\x5b\x5d-\x7e])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub plain {
    my ($text) = @_;
    $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    return $text;
}

# ---------------------------------------------------------------- plans

sub add_plan {
    my ($self, $url) = @_;
    return $self->_at_once(sub { $_[0]->do('INSERT INTO mailwire_plan (url) VALUES (?)', undef, escaped($url)); $self->_last('mailwire_plan') });
}

sub _last { return $_[0]->dbh->last_insert_id(undef, undef, $_[1], undef) }

# Lines of Mail::Wire::Queue::Manifest.
sub add_range {
    my ($self, $plan, $lines, $recipients) = @_;
    return $self->_at_once(sub {
        my ($dbh) = @_;
        $dbh->do('INSERT INTO mailwire_range (plan, messages, recipients, manifest) VALUES (?, ?, ?, ?)', undef, $plan, scalar @$lines, $recipients,
            join "\n", @$lines);
        my $id = $self->_last('mailwire_range');
        $dbh->do('UPDATE mailwire_plan SET ranges = ranges + 1, messages = messages + ?, recipients = recipients + ? WHERE id = ?', undef,
            scalar @$lines, $recipients, $plan);
        return $id;
    });
}

# Everything was read: workers may begin.
sub whole {
    my ($self, $plan) = @_;
    return $self->dbh->do('UPDATE mailwire_plan SET is_whole = 1 WHERE id = ?', undef, $plan);
}

# Ranges of whole plans that have no job, each given to the code, which returns the job's number.
sub each_without_job {
    my ($self, $code) = @_;
    my $ids = $self->dbh->selectcol_arrayref(
        'SELECT r.id FROM mailwire_range r JOIN mailwire_plan p ON p.id = r.plan WHERE r.job IS NULL AND p.is_whole = 1 ORDER BY r.id');
    foreach my $id (@$ids) { $self->dbh->do('UPDATE mailwire_range SET job = ? WHERE id = ?', undef, $code->($id), $id) }
    return scalar @$ids;
}

# ---------------------------------------------------------------- ranges

# Who takes it has it: others cannot write any more. A reference to a hash: url, manifest (lines), mark, ahead, run, rows (the numbers of
# messages from the mark on that have theirs, as keys).
sub take {
    my ($self, $id) = @_;
    my $taken = $self->_at_once(sub {
        my ($dbh) = @_;
        $dbh->do('UPDATE mailwire_range SET run = run + 1, step = 0 WHERE id = ?', undef, $id);
        my $row = $dbh->selectrow_hashref(
            'SELECT r.manifest, r.mark, r.ahead, r.run, p.url FROM mailwire_range r JOIN mailwire_plan p ON p.id = r.plan WHERE r.id = ?', undef,
            $id)
            or croak "the queue has no range $id";
        my $rows = $dbh->selectcol_arrayref('SELECT DISTINCT message FROM mailwire_row WHERE range = ? AND message >= ?', undef, $id, $row->{mark});
        $row->{rows} = { map { $_ => 1 } @$rows };
        return $row;
    });
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
    my $marks = join ', ', ('?') x @status;
    my $rows = $self->dbh->prepare("SELECT * FROM mailwire_row WHERE status IN ($marks) ORDER BY range, message, place");
    $rows->execute(@status);
    my ($range, @lines) = (0);
    while (my $row = $rows->fetchrow_hashref) {
        if ($row->{range} != $range) {
            $range = $row->{range};
            @lines = split /\n/, ($self->dbh->selectrow_array('SELECT manifest FROM mailwire_range WHERE id = ?', undef, $range))[0];
        }
        $_ = plain($_) foreach @{$row}{qw(recipient words)};
        $code->({ %$row, line => $lines[ $row->{message} ] });
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
