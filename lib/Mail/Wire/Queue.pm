package Mail::Wire::Queue;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Queue::Manifest ();
use Mail::Wire::Queue::Store ();

our @CARP_NOT = ('Mail::Wire::Queue::Store');

# Ranges of messages that wait for a worker, on whatever machine. The store has what became of each recipient; an engine has the jobs, each of
# which is the number of a range. An engine is a class with
#
#   open_of($url)   -> a handle of DBI, again when the last one is broken
#   add($range)     a job; -> its number
#   remove($job)    one that is of no use
#   missing(@jobs)  -> those that it does not have
#   alone           -> something that is held while jobs are added; nothing: another process has it
#   work(%in)       runs `run`, code that is called with the numbers of a range and its job; until `stopped`, code, is true or, with
#                   is_draining, nothing is left. What `run` dies of is the job's end: it is tried again later, `attempts` times. `tended`
#                   is code that is called now and then, and says how many ranges have no job yet.
#   beat, every     called by what `run` does after so many seconds: this worker lives
#   counts          -> a reference to a hash: waiting, active, finished, failed
#   failed          -> references to hashes of range and why
#   retry           puts those back; -> how many
#
# Only Minion's is here.

my @engines = (
    [ qr/\Apostgres(?:ql)?:/ => 'Mojo::Pg', 'libmojo-pg-perl' ],
    [ qr/\Asqlite:./s        => 'Minion::Backend::SQLite', 'libminion-backend-sqlite-perl' ],
);

# A URL: postgresql://USER:PASSWORD@HOST/DATABASE, or sqlite:PATH. missing_after: seconds, after which a worker that says nothing is gone.
sub new {
    my ($class, $url, %in) = @_;
    my ($found) = grep { $url =~ $_->[0] } @engines;
    croak "a queue is postgresql://USER\@HOST/DATABASE or sqlite:PATH, not $url" if not $found;
    _load('Minion', 'libminion-perl');
    _load(@{$found}[ 1, 2 ]);
    require Mail::Wire::Queue::Minion;
    my $engine = Mail::Wire::Queue::Minion->new($url, %in);
    return bless { engine => $engine, store => Mail::Wire::Queue::Store->new(sub { $engine->handle }) }, $class;
}

sub _load {
    my ($module, $package) = @_;
    (my $file = "$module.pm") =~ s{::}{/}g;
    local $@;
    return if eval { require $file; 1 };
    croak "a queue needs the module $module (Debian: $package)" if $@ =~ /\ACan't locate \Q$file\E /;
    croak "a queue needs the module $module (Debian: $package), which cannot be used: $@";
}

sub engine { return $_[0]{engine} }
sub store  { return $_[0]{store} }

# ---------------------------------------------------------------- jobs

# So many ranges get jobs while others wait.
use constant BATCH => 100;

# Ranges of whole plans that have no job get one, whatever became of who planned them. How many have none yet, as another process is about it.
#
# The range's row decides: of two jobs for one range the second does nothing. That only one process is about it saves such jobs.
sub give_jobs {
    my ($self) = @_;
    my ($engine, $store) = @{$self}{qw(engine store)};
    while ($store->without_job(1)) {
        my $held = $engine->alone or return $store->count_without_job;
        foreach my $range ($store->without_job(BATCH)) {
            my $job = $engine->add($range);
            $store->give_job($range, $job) or $engine->remove($job);
        }
    }
    return 0;
}

# Those that failed, and those whose job was removed, are put back. How many.
sub retry {
    my ($self) = @_;
    my ($engine, $store) = @{$self}{qw(engine store)};
    my %range_of = map { $_->[1] => $_->[0] } $store->with_job;
    my $count = grep { $store->lose_job($range_of{$_}, $_) } $engine->missing(keys %range_of);
    $self->give_jobs;
    return $count + $engine->retry;
}

# ---------------------------------------------------------------- what is sent again

# Who has a row of these statuses is sent to again, by a plan of its own for each plan that has some, in ranges of so many messages. The
# numbers of both plans, and how many ranges, messages and recipients: references to hashes.
sub again {
    my ($self, $most, @status) = @_;
    return map { $self->_again($most, \@status, @$_) } $self->{store}->plans_with(@status);
}

sub _again {
    my ($self, $most, $status, $from, $url) = @_;
    my $store = $self->{store};
    my %plan = (of => $from, plan => $store->add_plan($url, 1), ranges => 0, messages => 0, recipients => 0);
    my $part = \&Mail::Wire::Queue::Manifest::part;
    while (my ($messages, $recipients) = $store->again(from => $from, to => $plan{plan}, status => $status, most => $most, part => $part)) {
        $plan{ranges}++;
        $plan{messages} += $messages;
        $plan{recipients} += $recipients;
    }
    return \%plan;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue - ranges of messages for workers on many machines

=head1 DESCRIPTION

Internal to Mail-Wire: the queue of C<mailwire plan>, C<worker> and C<status>. It may change in any release.

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Manual::Machines>, L<Mail::Wire::Manual::Capacity>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
