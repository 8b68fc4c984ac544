package Mail::Wire::Queue;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Queue::Store ();

our @CARP_NOT = ('Mail::Wire::Queue::Store');

# Ranges of messages that wait for a worker, on whatever machine. The store has what became of each recipient; an engine has the jobs, each of
# which is the number of a range. An engine is a class with
#
#   open_of($url)   -> a handle of DBI, again when the last one is broken
#   add($range)     a job; -> its number
#   work(%in)       runs `run`, code that is called with a range's number; until `stopped`, code, is true or, with is_draining, nothing is
#                   left. What `run` dies of is the job's end: it is tried again later, `attempts` times.
#   beat            called now and then by what `run` does: this worker lives
#   counts          -> a reference to a hash: waiting, active, finished, failed
#   failed          -> references to hashes of range and why
#   retry           puts those back; -> how many
#
# Only Minion's is here.

my @engines = (
    [ qr/\Apostgres(?:ql)?:/ => 'Mojo::Pg', 'libmojo-pg-perl' ],
    [ qr/\Asqlite:/          => 'Minion::Backend::SQLite', 'libminion-backend-sqlite-perl' ],
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

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue - ranges of messages for workers on many machines

=head1 DESCRIPTION

Internal to Mail-Wire: the queue of C<mailwire plan>, C<worker> and C<status>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
