# clang-tidy, cppcheck, clang's analyzer (scan-build) and gcc's (-fanalyzer) over c/ and xs/ have nothing to say.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use Config;
use RealServer;
use Test::More;

RealServer->need(qw(clang clang-tidy cppcheck gcc make scan-build));

# Findings that were read and are wrong: file, checker, why. One that is not found any more fails as well.
my @false = ();

my $copy = BuildCopy->new;
$copy->run('configured', "$^X Makefile.PL && make xs/ppport.h");

# What xsubpp writes is not ours.
my $sources = join ' ', sort grep {m{\A(?:c|xs)/\w+\.c\z}} keys %{ ExtUtils::Manifest::maniread() };
my $include = "-isystem $Config{archlibexp}/CORE";
my %found;

clean('clang-tidy', "echo $sources | xargs -P 2 -n 6 sh -c 'clang-tidy --quiet \"\$@\" -- $Config{ccflags} $include' sh");
clean('cppcheck', 'cppcheck -q --std=c99 --enable=warning,style,performance,portability --suppressions-list=.cppcheck '
    . "--template='{file}:{line}: warning: {message} [{id}]' $sources");
clean('gcc -fanalyzer', join ' && ', map {"gcc $Config{ccflags} $include -O2 -fanalyzer -c -o $_.analyzed $_"} split / /, $sources);
$copy->run('configured for clang', "$^X Makefile.PL CC=clang OPTIMIZE=-O1");
clean('scan-build', 'scan-build -o reports --exclude xs/Wire.c --use-cc=clang make dynamic CC=clang');

is_deeply([ grep { !$found{ $_->[0] }{ $_->[1] } } @false ], [], 'what is listed as false is still found');
done_testing;

# A finding is a line that ends in [CHECKER].
sub clean {
    my ($name, $command) = @_;
    my ($status, $output) = $copy->execute($command);
    my @findings;
    for my $line (split /\n/, $output) {
        my ($file, $checker) = $line =~ m{((?:c|xs)/\w+\.[ch]):\d+.*: (?:warning|error): .*\[([\w.,=-]+)\]\z} or next;
        next if $file eq 'xs/Wire.c';
        $found{$file}{$checker} = 1;
        push @findings, $line unless grep { $_->[0] eq $file && $_->[1] eq $checker } @false;
    }
    is($status, 0, "$name has run") or diag(BuildCopy::tail($output));
    is_deeply(\@findings, [], "$name has nothing to say");
}
