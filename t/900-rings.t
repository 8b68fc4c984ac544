# The rings of c/README.md, each knowing only the one inside, as the includes show it: no Perl and no system
# header in the core, no protocol in the I/O file, no protocol words in the glue.

use strict;
use warnings;

use Test::More;

# What C99 itself has and needs no operating system, and compilers' own headers for vector instructions.
my %PURE = map { ("$_.h" => 1) }
    qw(assert ctype errno float inttypes limits stdarg stdbool stddef stdint stdio stdlib string),
    qw(arm_neon emmintrin immintrin);
my %FOR_IO   = map { ("$_.h" => 1) } qw(alloc buf clock error file io outq text);
my $PERL     = qr/\A(?:EXTERN|perl|XSUB|ppport)\.h\z/;
my $VERBS    = qr/\b(?:LHLO|MAIL FROM|RCPT|BDAT|RSET|VRFY|EXPN|ETRN|STARTTLS|PIPELINING|CHUNKING)\b/;
my @core     = sort glob 'c/*.[ch]';
my @glue     = sort glob 'xs/*.xs xs/*.xsi xs/*.[ch]';
my %made     = map { ($_ => 1) } qw(xs/Wire.c xs/ppport.h);
my @c_tests  = sort glob 't/c/*.[ch]';
my %is_core  = map { m{([^/]+)\z} ? ($1 => 1) : () } @core;

ok(@core > 20, 'the core is there');
for my $file (@core) {
    my $is_io = $file =~ m{/io\w*\.[ch]\z};
    my @wrong = map { $_->{name} } grep { !allowed_in_core($_, $is_io) } includes($file);
    is_deeply(\@wrong, [], "$file includes what its ring may");
}

is_deeply([ grep {/$PERL/} map { $_->{name} } map { includes($_) } @c_tests ], [], 'the C tests do without Perl');

for my $file (grep { !$made{$_} } @glue) {
    my @words = map {/($VERBS)/} strings($file);
    is_deeply(\@words, [], "$file speaks no protocol");
}

done_testing;

sub allowed_in_core {
    my ($include, $is_io) = @_;
    my ($name, $is_system) = @$include{qw(name system)};
    return 0 if $name =~ $PERL;
    return $is_io || $PURE{$name} if $is_system;
    return $is_io ? $FOR_IO{$name} || $name =~ /\Aio\w*\.h\z/ : $is_core{$name} && $name !~ /\Aio/;
}

sub includes {
    my ($file) = @_;
    my @pairs = text($file) =~ /^\s*#\s*include\s+([<"])([^>"]+)/mg;
    my @found;
    while (my ($mark, $name) = splice @pairs, 0, 2) {
        push @found, { name => $name, system => $mark eq '<' };
    }
    return @found;
}

# String constants, comments left out.
sub strings {
    my ($file) = @_;
    (my $code = text($file)) =~ s{/\*.*?\*/}{}gs;
    return $code =~ /"((?:[^"\\\n]|\\.)*)"/g;
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}
