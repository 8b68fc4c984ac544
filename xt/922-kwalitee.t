# The tarball as CPANTS sees it (Module::CPANTS::Analyse), and what its META.json tells of it.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use RealServer;
use Test::More;

RealServer->need(qw(make tar Module::CPANTS::Analyse Module::CPANTS::Kwalitee CPAN::Meta));

my $copy = BuildCopy->new;
$copy->run('a tarball', "$^X Makefile.PL && make dist");
my ($tarball) = glob $copy->dir . '/Mail-Wire-*.tar.gz';

# Nobody has said yet where it is developed.
my %is_open = (meta_yml_has_repository_resource => 1);

my $analysis = Module::CPANTS::Analyse->new({ dist => $tarball, opts => { no_capture => 1 } });
$analysis->unpack;
$analysis->analyse;
$analysis->calc_kwalitee;
my $kwalitee = $analysis->d->{kwalitee};
cmp_ok(scalar keys %$kwalitee, '>', 25, 'it is judged');
is_deeply([ grep { !$kwalitee->{$_} && !$is_open{$_} } sort keys %$kwalitee ], [], '... and found good') or diag(explain($analysis->d->{error}));

my ($meta) = map { CPAN::Meta->load_file($_) } glob $analysis->distdir . '/META.json';
my $prereqs = $meta->effective_prereqs;
is($meta->meta_spec_version, 2, 'META.json: version 2');
for my $phase (qw(configure build test runtime develop)) {
    cmp_ok(scalar $prereqs->requirements_for($phase, 'requires')->required_modules, '>', 0, "... what it needs to $phase");
}
cmp_ok(scalar $prereqs->requirements_for('runtime', $_)->required_modules, '>', 2, "... what it $_") for qw(recommends suggests);
is($prereqs->requirements_for('runtime', 'requires')->requirements_for_module('perl'), '5.010001', '... which perl');
is_deeply([ sort keys %{ $meta->provides } ], [ modules() ], '... each module');
is_deeply([ grep { !defined $meta->provides->{$_}{version} } modules() ], [], '... with a version');
is_deeply([ sort keys %{ $meta->resources } ], [qw(bugtracker homepage license)], '... places');
ok(!$meta->should_index_file("$_/lib/Any.pm"), "... nothing of $_ is indexed") for qw(bench eg fuzz t xt);
done_testing;

sub modules {
    my @files = `cd '@{[ $analysis->distdir ]}' && find lib -name '*.pm'`;
    return sort map { s{\Alib/|\.pm\s*\z}{}g; join '::', split m{/} } @files;
}
