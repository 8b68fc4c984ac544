package BuildCopy;

# Builds the distribution, as MANIFEST has it, in a folder of its own.

use strict;
use warnings;

use Cwd ();
use ExtUtils::Manifest qw(manicopy maniread);
use File::Temp ();
use Test::More;

sub new {
    my ($class, $name) = @_;
    my $dir = File::Temp::tempdir(($name || 'mail-wire') . '-build-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    local $ExtUtils::Manifest::Quiet = 1;
    manicopy(maniread(), $dir, 'cp');
    return bless { dir => $dir, environment => {} }, $class;
}

sub dir { $_[0]{dir} }

# Sets environment variables for the commands that follow; undef unsets.
sub environment {
    my ($self, %set) = @_;
    @{ $self->{environment} }{ keys %set } = values %set;
    return;
}

# Runs a shell command there; a test point of that name. Returns its output.
sub run {
    my ($self, $name, $command) = @_;
    my ($status, $output) = $self->execute($command);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($status == 0, $name) or diag("$command: wait status $status\n" . tail($output));
    return $output;
}

# Wait status and output (both kinds).
sub execute {
    my ($self, $command) = @_;
    # Jobs and options of a make around us are no business of this build.
    local %ENV = (%ENV, %{ $self->{environment} });
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS PERL5OPT HARNESS_PERL_SWITCHES)};
    delete @ENV{ grep { !defined $ENV{$_} } keys %ENV };
    my $log = "$self->{dir}.log";
    my $status = system "cd '$self->{dir}' && ($command) >'$log' 2>&1 </dev/null";
    open my $fh, '<:raw', $log or die "$log: $!";
    my $output = do { local $/; <$fh> };
    unlink $log;
    return ($status, $output);
}

# Prints the summary of a prove run.
sub note_summary {
    my ($class, $output) = @_;
    note(grep {/\A(?:Files=|Result:|All tests)/} map {"$_\n"} split /\n/, $output);
    return;
}

sub tail {
    my ($text) = @_;
    my @lines = split /^/, $text;
    return join '', @lines > 60 ? @lines[ -60 .. -1 ] : @lines;
}

1;
