# "make html": a page for each manual page, and links that lead somewhere.

use strict;
use warnings;

use ExtUtils::Manifest 'maniread';
use File::Temp ();
use Test::More;

my $dir = File::Temp->newdir;
is(system($^X, 'docs/html.pl', "$dir/html"), 0, 'docs/html.pl');

my @pages = grep { text($_) =~ /^=head1 NAME/m } grep {m{\A(?:lib/.*\.(?:pm|pod)|script/mailwire)\z}} sort keys %{ maniread() };
my %html  = map { s{\A(?:lib|script)/}{}; s/\.\w+\z//; ("$_.html" => undef) } @pages;
$html{$_} = -f "$dir/html/$_" ? text("$dir/html/$_") : '' for keys %html, 'index.html';

my %anchors = map { my $page = $_; $page => { map { $_ => 1 } $html{$page} =~ /\bid="([^"]*)"/g } } keys %html;
is_deeply([ broken('Net/LMTP.html', '<a href="#TLS"></a><a href="#not"></a><a href="QMTP.html"></a><a href="../none.html">') ],
    [ '#not', '../none.html' ], 'a link to nowhere is found');
for my $page (sort keys %html) {
    like($html{$page}, qr{<h1.*</body>\s*</html>\s*\z}s, $page);
    is_deeply([ broken($page, $html{$page}) ], [], '... its links');
    unlike($html{$page}, qr/POD ERRORS/, '... no errors');
}
is_deeply([ grep { $html{'index.html'} !~ /href="\Q$_\E"/ } grep { $_ ne 'index.html' } sort keys %html ], [], 'the first page has all');
done_testing;

sub broken {
    my ($page, $text) = @_;
    return grep { !/\A\w+:/ && !leads_somewhere($page, $_) } $text =~ /\bhref="([^"]*)"/g;
}

sub leads_somewhere {
    my ($page, $link) = @_;
    my ($to, $anchor) = split /#/, $link, 2;
    my ($folder) = $page =~ m{\A(.*/|)};
    my $path = length $to ? "$folder$to" : $page;
    1 while $path =~ s{(?:\A|(?<=/))[^/]+/\.\./}{};
    return -f "$dir/html/$path" && (!defined $anchor || $anchors{$path}{$anchor});
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}
