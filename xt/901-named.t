# What the documents name is there: files of the distribution, and sections of manual pages. Each promise of SECURITY.md has a test.

use strict;
use warnings;

use ExtUtils::Manifest 'maniread';
use Test::More;

my %is_there = map { $_ => 1 } keys %{ maniread() };
my @pages    = grep {m{\A(?:lib/.*\.(?:pm|pod)|script/mailwire)\z}} sort keys %is_there;
my @texts    = grep {/\.md\z/} sort keys %is_there;

# A folder of the distribution and a name in it, in a text or a manual page.
my $FILE = qr{(?<![\w./:~-])((?:t|xt|c|xs|eg|bench|fuzz|docs|lib|script)/[\w./-]*\w\.\w+)};

is_deeply([ missing('see `t/000-load.t`, `xt/not-there.t`, lib/Net/LMTP.pm and F<eg/none.pl>') ], [ 'xt/not-there.t', 'eg/none.pl' ],
    'what is not there is found');
is_deeply([ missing(text($_), $_) ], [], "$_ names files that are there") for @texts, @pages;

my @rows = grep { /^\|/ && !/^\| (?:---|threat|promise) / } split /^/, text('SECURITY.md');
cmp_ok(scalar @rows, '>', 20, 'SECURITY.md has promises');
is_deeply([ grep { !/\|(?: `(?:t|xt|fuzz)\/[\w.\/-]+`)+ \|$/ } @rows ], [], '... each with tests');

my %heads = map { page_name($_) => { map { $_ => 1 } heads(text($_)) } } @pages;
is_deeply([ broken('L<Net::LMTP/TLS> L<Net::LMTP/Not there> L<Mail::Wire::None> L</here>', 'Net::LMTP') ],
    [ 'Net::LMTP/Not there', 'Mail::Wire::None', '/here' ], 'a link to nowhere is found');
is_deeply([ broken(text($_), page_name($_)) ], [], "$_ has links that lead somewhere") for @pages;
done_testing;

# From the distribution's folder, or from the document's own.
sub missing {
    my ($text, $document) = @_;
    my ($own) = defined $document ? $document =~ m{\A(.*/)} : ();
    return grep { !$is_there{$_} && !(defined $own && $is_there{"$own$_"}) } $text =~ /$FILE/g;
}

sub page_name {
    my ($file) = @_;
    return $file if $file !~ s{\Alib/}{};
    $file =~ s/\.\w+\z//;
    return join '::', split m{/}, $file;
}

# Of headings and of items, without codes; an item of a method has its arguments behind the name.
sub heads {
    my ($text) = @_;
    my @heads = map { plain($_) } $text =~ /^=(?:head\d|item)\s+(.*)/mg;
    return @heads, map { split /,\s*/ } map { /\A([\w, ]+)(?:\(.*)?\z/ ? $1 : () } @heads;
}

sub plain {
    my ($text) = @_;
    1 while $text =~ s/[A-Z]<([^<>]*)>/$1/g;
    $text =~ s/\s+\z//;
    return $text;
}

# Links to pages of ours, and to sections of a page, that are not there.
sub broken {
    my ($text, $own) = @_;
    my @links = map { s/\A[^|<>]*\|//; s/\s+/ /g; $_ } $text =~ /L<((?:[^<>|]*\|)?[^<>]+)>/g;
    return grep { is_broken($_, $own) } @links;
}

sub is_broken {
    my ($link, $own) = @_;
    return 0 if $link =~ m{\A\w+://};
    my ($page, $section) = split m{/}, $link, 2;
    $page = $own              if !length $page;
    $page = 'script/mailwire' if $page eq 'mailwire';
    return $page =~ /\A(?:Mail::Wire|Net::[LQ]MTP)\b/ if !$heads{$page};
    return 0 if !defined $section;
    $section =~ s/\A"(.*)"\z/$1/;
    return !$heads{$page}{$section};
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}
