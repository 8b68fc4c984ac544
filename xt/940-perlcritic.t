# Perl::Critic over lib/, eg/ and bench/, by .perlcriticrc.

use strict;
use warnings;

use lib 'xt/lib';
use RealServer;
use Test::More;

RealServer->need('Perl::Critic');

my $critic = Perl::Critic->new(-profile => '.perlcriticrc');
my @files  = Perl::Critic::Utils::all_perl_files(qw(lib eg bench));
ok(@files > 0, 'there are files');
is_deeply([ map {"$_"} $critic->critique($_) ], [], $_) for sort @files;
done_testing;
